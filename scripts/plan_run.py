"""Say what a configuration asks for before it runs: bytes, items, steps, hours, disk, jobs.

What is not known yet is estimated by published figures, each marked as such, with its source.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.command_line import run_each
from gen2embed.data.model_sizes import size_of
from gen2embed.data.registry import entries
from gen2embed.download.disk import gigabytes
from gen2embed.errors import InputError
from gen2embed.files import (
    check_numbers,
    count_rows,
    read_json_object,
    read_text,
    write_json,
)
from gen2embed.outputs import add_output
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.reporting.pages.anchors import (
    MARK,
    Anchor,
    embedding_anchor,
    training_anchor,
    vectors_anchor,
    weights_anchor,
)
from gen2embed.reporting.pages.plan import (
    encodings,
    hours,
    lines_of,
    measured_rates,
    trainings,
    vector_bytes,
    written,
)
from gen2embed.study.configuration import read_configuration
from gen2embed.study.layout import items_file

SIDES = ("query", "target")
PARTS = ("train", "eval", "composition")
COMPOSITIONS = ("sugarcrepe", "sugarcrepe_pp")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plan_run", description=__doc__)
    add = parser.add_argument
    add("--config", required=True, help="the experiment's whole configuration (YAML)")
    add("--results", required=True, help="folder of the experiment; it may be empty")
    add("--measured", required=True, help="folder of the experiment whose rates are used")
    add("--downloads", help="what fetch_data.py --plan said (JSON; empty: the hub was not reached)")
    add("--jobs", help="what snakemake --dry-run said")
    add_output(parser, "--out", ".json", help="plan .json; the same is printed")
    return parser


def items_of(results: Path, config: dict[str, Any], part: str) -> int | None:
    """Items of a part: counted where they are; of training at most two a row; or None."""
    files = [items_file(results / "items", part, side) for side in SIDES]
    if all(path.is_file() for path in files):
        return sum(count_rows(path) for path in files)
    if part == "train":
        rows = rows_of(config, part)
        return 0 if not config["train"]["runs"] else rows and 2 * rows  # at most: both sides
    return None


def rows_of(config: dict[str, Any], part: str) -> int | None:
    """Rows that the register tells of a part of MMEB, capped; None of a benchmark made here."""
    if config["data"]["source"] != "mmeb":
        return None
    of = COMPOSITIONS if part == "composition" else (part,)
    cap = config["data"].get(f"{part}_row_cap")
    rows = [int(entry.rows) for name in of for entry in entries(name)]
    return sum(rows if cap is None else (min(row, cap) for row in rows))


def anchors_of(config: dict[str, Any], results: Path, found: dict[str, Any]) -> list[Anchor]:
    """Estimates of what ``found`` does not know; none of a model that the register has not."""
    size = size_of(config["model"]["name"])
    rows = {part: rows_of(config, part) for part in PARTS}
    total = sum(encodings(config, rows).values()) if None not in rows.values() else None
    if size is None or total is None:
        return []
    chosen: list[Anchor | None] = []
    if not (results / "model").exists():
        chosen.append(weights_anchor(size))
    if found["vectors (bytes)"] is None:
        chosen.append(vectors_anchor(total, size))
    if found["rates"]["items_per_second"] is None:
        chosen.append(embedding_anchor(total, size))
    pairs = found["training"]["pairs in batches, at most"]
    if pairs and found["rates"]["pairs_per_second"] is None:
        resolution = get_resolution(config["train"]["resolution"])
        chosen.append(training_anchor(pairs, config["train"], size, resolution))
    return [entry for entry in chosen if entry is not None]


def row_of(anchor: Anchor) -> tuple[str, str, str]:
    """A row of the plan, marked."""
    value = gigabytes(anchor.value) if anchor.unit == "bytes" else written(float(anchor.value))
    return anchor.what, value, f"{MARK}: {anchor.source}"


def width_of(results: Path) -> int | None:
    """Width of the vectors, where some are."""
    for path in sorted(results.glob("embeddings/base/*/eval_query.json")):
        facts = read_json_object(path)
        check_numbers(path, facts, ["dim"])
        return int(facts["dim"])
    return None


def to_download(job: argparse.Namespace, config: dict[str, Any]) -> int | None:
    if config["data"]["source"] != "mmeb":
        return 0
    if not job.downloads or not read_text(job.downloads).strip():
        return None
    loads = read_json_object(job.downloads)
    for name, load in loads.items():
        check_numbers(f"{job.downloads}: {name}", load, ["to_download"])
    return sum(load["to_download"] for load in loads.values())


def jobs_of(path: str | None) -> int | None:
    """The total of a dry run's table of jobs; 0 where nothing is left to do."""
    text = read_text(path) if path else ""
    found = re.search(r"^total\s+(\d+)", text, flags=re.M)
    if found:
        return int(found[1])
    return 0 if "Nothing to be done" in text else None


def plan(job: argparse.Namespace) -> None:
    path, results = Path(job.config), Path(job.results)
    if not path.is_file():
        raise InputError(f"{path}: no such file; the rule write_configuration makes it")
    config = read_configuration(path)
    embedded = encodings(config, {part: items_of(results, config, part) for part in PARTS})
    trained = trainings(config)
    rates = measured_rates(job.measured)
    found = {
        "to download (bytes)": to_download(job, config),
        "rows": {part: rows_of(config, part) for part in ("train", "eval")},
        "items to embed": embedded,
        "training": trained,
        "vectors (bytes)": vector_bytes(embedded, width_of(results)),
        "rates": rates,
        "hours of one device": hours(embedded, trained, rates),
        "jobs": jobs_of(job.jobs),
    }
    anchors = anchors_of(config, results, found)
    write_json(
        job.out, {**found, "anchors, not measurements": [asdict(anchor) for anchor in anchors]}
    )
    bytes_of = {name: found[name] for name in ("to download (bytes)", "vectors (bytes)")}
    shown = [
        (name.removesuffix(" (bytes)"), written(value) if value is None else gigabytes(value))
        for name, value in bytes_of.items()
    ]
    shown += lines_of("rows at most", found["rows"])
    shown += lines_of("items to embed", embedded)
    shown += lines_of("training", trained)
    shown += lines_of(f"measured in {job.measured}", rates)
    shown += lines_of("hours of one device", found["hours of one device"])
    shown.append(("jobs of Snakemake", written(found["jobs"])))
    rows = [(*line, "") for line in shown] + [row_of(anchor) for anchor in anchors]
    frame = pd.DataFrame(rows, columns=["what", "how much", "from"])
    print(frame.to_markdown(index=False, disable_numparse=True))
    for anchor in anchors:
        print(f"{anchor.what}: {anchor.formula} ({MARK})")


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), plan, argv)


if __name__ == "__main__":
    sys.exit(main())
