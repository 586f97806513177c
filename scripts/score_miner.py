"""Score any miner's negatives on a frozen benchmark: true false-negative rate, also at the hardness
of the strategies here, and where it stands on their frontier.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from gen2embed.artifacts.embedding_files import EmbeddingFiles
from gen2embed.artifacts.ids import check_ids, read_id_rows
from gen2embed.canonical import canonical
from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.evaluation.false_negatives import compare
from gen2embed.evaluation.negatives import Negatives
from gen2embed.files import (
    read_csv,
    read_json_lines,
    read_parquet,
    reading,
    write_csv,
    write_json,
    write_text,
)
from gen2embed.mining.foreign import Names, negatives_of
from gen2embed.outputs import add_output
from gen2embed.reporting.tables.rendering import percent

STANDARD = ("hns", "saha")  # at whose common hardness all are compared
IDS = ["query_id", "target_id"]
MINED = ["strategy", "query_id", "negative_id"]
KEPT = (
    *("negatives", "false_negatives", "hardness_mean", "overall", "equal_hardness"),
    "minimal_pairs",
)
CAPTION = (
    "Mined negatives on a frozen benchmark: mean hardness, true false negatives of all and at the "
    "common hardness of hns and saha (- where a miner has none in one of its bins), and minimal "
    "pairs; 95 % bootstrap intervals over queries."
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="score_miner", description=__doc__)
    add = parser.add_argument
    add("--benchmark", required=True, help="folder of freeze_benchmark.py")
    add(
        "--triplets",
        required=True,
        nargs="+",
        help="negatives of a miner each: .parquet, .jsonl or .csv; it is named after its file",
    )
    add_output(
        parser,
        "--out",
        ".json",
        beside=(".csv", ".md"),
        help="report .json; a row a miner as .csv, as it is read as .md",
    )
    return parser


def read_triplets(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        with reading(path, "parquet"):
            return pd.DataFrame(pq.read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return pd.DataFrame(list(read_json_lines(path)))
    if path.suffix == ".csv":  # cells are texts, so that a word such as "null" or "1984" is one
        return read_csv(path, []).replace({"": None})
    raise InputError(f"{path}: a miner's negatives are .parquet, .jsonl or .csv")


class Benchmark:
    """What the folder holds; raises InputError for a file that is missing."""

    def __init__(self, folder: Path):
        self.items = {}
        self.vectors = {}
        for side in ("query", "target"):
            frame, _ = read_parquet(folder / f"{side}_items.parquet", ["id", "key", "text"])
            self.items[side] = Names(frame["key"].tolist(), frame["text"].tolist(), side)
            path = folder / f"{side}.npy"
            self.vectors[side] = EmbeddingFiles().get(path)[0]
            if len(self.vectors[side]) != len(frame):
                raise InputError(
                    f"{path}: holds {len(self.vectors[side])} rows for {len(frame)} items"
                )
        if self.vectors["query"].shape[1] != self.vectors["target"].shape[1]:
            raise InputError(f"{folder}: vectors of its sides have other widths; freeze it again")
        self.width = self.items["target"].n
        self.positive = self.keys(folder, "pairs", "equivalences")
        has_minimal = (folder / "minimal_pairs.parquet").is_file()
        self.minimal = self.keys(folder, "minimal_pairs") if has_minimal else np.empty(0, np.int64)
        mined = folder / "mined.parquet"
        self.mined, _ = read_id_rows(mined, MINED, MINED[1:], "negatives of strategies")
        self.check(mined, query_id=self.mined["query_id"], negative_id=self.mined["negative_id"])

    def check(self, path: Path, **ids: pd.Series) -> None:
        """Raise InputError for an id that names no item."""
        for name, of_rows in ids.items():
            side = "query" if name == "query_id" else "target"
            check_ids(path, name, of_rows.to_numpy(), f"the {side} items", self.items[side].n)

    def keys(self, folder: Path, *names: str) -> np.ndarray:
        frames = []
        for name in names:
            path = folder / f"{name}.parquet"
            frames.append(read_parquet(path, IDS)[0])
            self.check(path, query_id=frames[-1]["query_id"], target_id=frames[-1]["target_id"])
        return np.concatenate(
            [(frame["query_id"] * self.width + frame["target_id"]).to_numpy() for frame in frames]
        ).astype(np.int64)

    def label(self, query: np.ndarray, target: np.ndarray) -> Negatives:
        """A cluster is a query; what lies between its negatives is not asked."""
        keys = query * self.width + target
        order = np.argsort(query, kind="stable")
        query, target, keys = query[order], target[order], keys[order]
        hardness = np.array(
            [
                canonical(
                    self.vectors["query"][q].astype(np.float64),
                    self.vectors["target"][t : t + 1].astype(np.float64),
                )[0]
                for q, t in zip(query, target, strict=True)
            ]
        )
        cluster = np.unique(query, return_inverse=True)[1]
        nothing = np.zeros(int(cluster.max()) + 1, dtype=np.int64)
        return Negatives(
            cluster=cluster,
            hardness=hardness,
            overlap=np.zeros(len(keys)),
            false=np.isin(keys, self.positive),
            minimal=np.isin(keys, self.minimal),
            asked=nothing,
            asked_false=nothing,
        )


def read_miner(path: Path, benchmark: Benchmark) -> Negatives:
    try:
        return benchmark.label(*negatives_of(read_triplets(path), *benchmark.items.values()))
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None


def score(job: argparse.Namespace) -> None:
    benchmark = Benchmark(Path(job.benchmark))
    of = {
        strategy: [benchmark.label(rows["query_id"].to_numpy(), rows["negative_id"].to_numpy())]
        for strategy, rows in benchmark.mined.groupby("strategy", sort=False)
    }
    for path in map(Path, job.triplets):
        if path.stem in of:
            raise InputError(f"{path}: {path.stem!r} is a miner already; rename the file")
        of[path.stem] = [read_miner(path, benchmark)]
    reports = compare(of, [name for name in STANDARD if name in of]).reports
    rows = [
        {"miner": miner, **{key: report.flat()[key] for key in numbers_of(report.flat())}}
        for miner, report in reports.items()
    ]
    write_json(job.out, {"benchmark": Path(job.benchmark).name, "miners": rows})
    frame, out = pd.DataFrame(rows), Path(job.out)
    write_csv(out.with_suffix(".csv"), frame)
    body = shown(frame).to_markdown(index=False, disable_numparse=True)
    write_text(out.with_suffix(".md"), f"{CAPTION}\n\n{body}\n")


def numbers_of(flat: dict) -> list[str]:
    return [key for key in flat if key == "coverage" or key.startswith(KEPT)]


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    def cells(name: str) -> list[str]:
        return [
            "-"
            if pd.isna(row[name])
            else percent(row[name], row[f"{name}_ci_low"], row[f"{name}_ci_high"])
            for row in frame.to_dict("records")
        ]

    return pd.DataFrame(
        {
            "miner": frame["miner"],
            "negatives": frame["negatives"],
            "hardness": [f"{value:.3f}" for value in frame["hardness_mean"]],
            "false negatives (%)": cells("overall"),
            "at equal hardness (%)": cells("equal_hardness"),
            "minimal pairs (%)": cells("minimal_pairs"),
        }
    )


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), score, argv)


if __name__ == "__main__":
    sys.exit(main())
