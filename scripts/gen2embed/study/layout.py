"""Every path of ``results/<experiment>/``: what a program writes and another reads, named once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from gen2embed.data.composition_sets import SUBSETS, score_name, scored_sets
from gen2embed.study.runs import ZERO_SHOT, dosed
from gen2embed.study.score_names import SCORE_ENDINGS
from gen2embed.study.score_names import predictions_file as predictions_file

SIDES = ("query", "target")
TABLE_ENDINGS = ("csv", "md", "tex", "html")
FIGURE_ENDINGS = ("pdf", "png", "csv", "md")
CELL = re.compile(r"k(\d+)_m(\d+)\.json")


# names within a folder: the layout's own, and those of folders that programs are told of


def items_file(folder: str | Path, part: str, side: str) -> Path:
    return Path(folder) / f"{part}_{side}.parquet"


def vectors_file(folder: str | Path, part: str, side: str) -> Path:
    return Path(folder) / f"{part}_{side}.npy"


def set_file(folder: str | Path, name: str) -> Path:
    """Pairs, rows, equivalences, minimal pairs or clusters of a data set."""
    return Path(folder) / f"{name}.parquet"


def facts_file(folder: str | Path, name: str) -> Path:
    """The score of a data set; the statistics of its clusters; its false-negative rates."""
    return Path(folder) / f"{name}.json"


def dose_file(folder: str | Path, hidden: float) -> Path:
    return facts_file(folder, dosed(hidden).removeprefix("-"))


def cell_files(folder: str | Path) -> dict[tuple[int, int], Path]:
    """Reports of a grid's cells, by their k and m."""
    named = [(CELL.fullmatch(path.name), path) for path in Path(folder).glob("*.json")]
    found = {(int(name[1]), int(name[2])): path for name, path in named if name}
    return dict(sorted(found.items()))


def prompt_folder(scores: str | Path, model: str, prompt: str) -> Path:
    """Scores, or vectors, of a model under a prompt."""
    return Path(scores) / model / prompt


def zero_shot_folder(scores: str | Path, prompt: str) -> Path:
    return prompt_folder(scores, ZERO_SHOT, prompt)


def model_name(run: str, seed: int, step: int | None = None) -> str:
    """What a run trained with a seed is called: its final model, or that of a checkpoint."""
    return f"{run}_seed{seed}{f'_step{step}' if step else ''}"


class Layout:
    """Paths below one experiment's folder, as strings; what is in them: docs/data_dictionary.md.

    Wildcards may stand for any name.
    """

    def __init__(self, experiment: str):
        self.root = f"results/{experiment}"
        self.data = f"{self.root}/data"
        self.generator = f"{self.root}/generator"
        self.fetched_model = f"{self.root}/model"
        self.gguf = f"{self.root}/model.gguf"
        self.lock_of_model = f"{self.root}/model.lock.json"
        self.config = f"{self.root}/config.yaml"
        self.adapters = f"{self.root}/adapters"
        self.adapter = f"{self.adapters}/{{run}}/{{prompt}}"
        self.cluster_folder = f"{self.root}/clusters"
        self.embeddings = f"{self.root}/embeddings"
        self.item_folder = f"{self.root}/items"
        self.row_folder = f"{self.root}/rows"
        self.score_folder = f"{self.root}/scores"
        self.counted = f"{self.root}/partial/counted"
        self.grid = f"{self.root}/grid"
        self.worked = f"{self.root}/worked/saha.parquet"
        self.dropped_rows = f"{self.root}/tables/dropped_rows.csv"

    def images(self, part: str) -> str:
        """Folder that the items of a part of the data name their images from."""
        return f"{self.data}/{part}"

    def items(self, part: str, side: str) -> str:
        return str(items_file(self.item_folder, part, side))

    def pairs(self, names: Iterable[str]) -> list[str]:
        return [str(set_file(f"{self.root}/pairs", name)) for name in names]

    def rows(self, names: Iterable[str]) -> list[str]:
        return [str(set_file(self.row_folder, name)) for name in names]

    def equivalences(self, part: str, names: Iterable[str]) -> list[str]:
        return [str(set_file(f"{self.root}/equivalences/{part}", name)) for name in names]

    def minimal_pairs(self, names: Iterable[str]) -> list[str]:
        """Of training subsets."""
        return [str(set_file(f"{self.root}/minimal_pairs/train", name)) for name in names]

    def further(self, names: Iterable[str]) -> list[str]:
        """Of training subsets: targets without owner that are mined from."""
        return [f"{self.root}/further/{name}.parquet" for name in names]

    def compositions(self) -> list[str]:
        folder = f"{self.root}/compositions"
        return [
            str(set_file(f"{folder}/{item}", subset))
            for item, of in SUBSETS.items()
            for subset in of
        ]

    def partial(self, program: str) -> str:
        """States of interrupted work."""
        return f"{self.root}/partial/{program}"

    def vectors(
        self, model: str, prompt: str, part: str = "eval", shard: str = ""
    ) -> dict[str, str]:
        """Vectors and manifests of both sides, by name.

        shard: of one shard, such as "2of8"; "": of all rows.
        """
        folder = f"{self.embeddings}/{model}/{prompt}{f'/shards/{shard}' if shard else ''}"
        files = {}
        for side in SIDES:
            files[side] = str(vectors_file(folder, part, side))
            files[f"{side}_manifest"] = f"{folder}/{part}_{side}.json"
        return files

    def clusters(self, folders: Iterable[str], names: Sequence[str], ending: str) -> list[str]:
        """folders: strategies, or what runs want apart from them."""
        root = self.cluster_folder
        return [f"{root}/{folder}/{name}.{ending}" for folder in folders for name in names]

    def false_negatives(self, names: Iterable[str], ending: str = "json") -> list[str]:
        return [f"{self.root}/false_negatives/{name}.{ending}" for name in names]

    def dose(self, hidden: float, ending: str = "json") -> str:
        """The report on false negatives where so large a share of equivalences was hidden."""
        return str(dose_file(f"{self.root}/doses", hidden).with_suffix(f".{ending}"))

    def scores_under(self, model: str) -> str:
        """Folder of a model's scores, one below for each prompt."""
        return f"{self.score_folder}/{model}"

    def score(self, model: str, prompt: str, name: str) -> str:
        return str(facts_file(prompt_folder(self.score_folder, model, prompt), name))

    def scores(self, model: str, prompt: str, names: Iterable[str]) -> list[str]:
        """Scores of data sets and the predictions beside them."""
        folder = prompt_folder(self.score_folder, model, prompt)
        return [f"{folder}/{name}.{ending}" for name in names for ending in SCORE_ENDINGS]

    def composition_scores(self, model: str, prompt: str) -> list[str]:
        return self.scores(model, prompt, [score_name(*scored_set) for scored_set in scored_sets()])

    def adapter_of(self, run: str, prompt: str) -> str:
        """PEFT folder of a run, by the name of its model."""
        return self.adapter.format(run=run, prompt=prompt)

    def checkpoint(self, run: str, prompt: str, step: int) -> str:
        return f"{self.adapter_of(run, prompt)}/checkpoints/step-{step}"

    def leaderboard(self, model: str, prompt: str) -> str:
        return f"{self.root}/leaderboard/{model}/{prompt}.json"

    def export(self, model: str, prompt: str) -> str:
        """Folder of a model for other programs."""
        return f"{self.root}/export/{model}/{prompt}"

    def grid_clusters(self, k: int, m: int) -> str:
        return f"{self.grid}/clusters/k{k}_m{m}"

    def data_of(self, table: str) -> str:
        """A table's CSV, in full."""
        return self.tables(table)[0]

    def tables(self, *names: str, folder: str = "tables") -> list[str]:
        return [f"{self.root}/{folder}/{name}.{end}" for name in names for end in TABLE_ENDINGS]

    def figures(self, *names: str, folder: str = "figures") -> list[str]:
        return [f"{self.root}/{folder}/{name}.{end}" for name in names for end in FIGURE_ENDINGS]
