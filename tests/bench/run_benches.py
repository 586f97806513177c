"""Every bench in one go, and their history: python tests/bench/run_benches.py

--results results/mini: with the items of a finished study, and its training. Each bench prints its
table as it comes, and adds its cells to --history, a CSV of one line a number: when, revision,
machine, bench, row (the cells before the first measured one), column, value. Lines are only ever
added, so that a nightly run (``make bench``) makes a series. Ratios within a run compare between
machines; seconds do not.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent
HEADER = ("when", "revision", "machine", "bench", "row", "column", "value")
KEYS = {  # of each bench: how many of a table's first columns say what is measured
    "bench_encoder.py": 1,
    "bench_training.py": 2,
    "bench_mining.py": 2,
    "bench_collapse.py": 2,
    "bench_scoring.py": 1,
    "bench_text.py": 1,
}


def commands(job: argparse.Namespace) -> list[list[str]]:
    """The benches that can be run with what is given."""
    found = [["bench_mining.py"], ["bench_collapse.py"], ["bench_scoring.py"]]
    found.append(["bench_encoder.py", "--count", "300"])
    if job.results:
        root, data = Path(job.results), f"{job.results}/data/eval"
        items = ["--items", str(root / "items/eval_query.parquet"), "--image-root", data]
        found.append(["bench_encoder.py", "--model", str(root / "generator"), *items])
        found.append(["bench_training.py", "--results", job.results])
    if job.text_model:
        found.append(["bench_text.py", "--model", job.text_model, "--jobs", "2"])
    return [words for words in found if not job.only or words[0] in job.only]


def numbers(lines: list[str], keys: int) -> Iterator[tuple[str, str, float]]:
    """(row, column, value) of every cell that is a number in the Markdown tables of an output."""
    columns: list[str] = []
    for line in lines:
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not columns:
            columns = cells
            continue
        for column, cell in zip(columns[keys:], cells[keys:], strict=False):
            try:
                yield " ".join(cells[:keys]), column, float(cell.replace(",", ""))
            except ValueError:
                continue  # a rule between header and rows, or no number


def run(words: list[str]) -> list[str]:
    """The lines that a bench printed, shown as they come. Raises SystemExit with its status."""
    lines = []
    command = [sys.executable, str(HERE / words[0]), *words[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        for line in started.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    if started.returncode:
        raise SystemExit(started.returncode)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--results", help="folder of a finished mini experiment: its items, and its training")
    add("--text-model", help="folder of a causal language model: texts alone")
    add("--only", nargs="+", choices=KEYS, help="these alone")
    add("--history", type=Path, help="CSV that the numbers are added to")
    job = parser.parse_args()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    facts = (now, machine.revision(), machine.describe())
    print(f"{facts[1]}; {facts[2]}")
    for words in commands(job):
        print(f"\n## {' '.join(words)}\n", flush=True)
        found = list(numbers(run(words), KEYS[words[0]]))
        if job.history:
            job.history.parent.mkdir(parents=True, exist_ok=True)
            begun = not job.history.is_file()
            with job.history.open("a", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([HEADER] * begun)
                writer.writerows((*facts, " ".join(words), *number) for number in found)


if __name__ == "__main__":
    main()
