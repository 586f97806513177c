"""Tabulate SugarCrepe and SugarCrepe++: runs by subset, beside what others published.

Paper: number not known here.
"""

from __future__ import annotations

import argparse
import sys

import pandas as pd

from gen2embed.artifacts.rows_taken import dropped_of, rows_dropped
from gen2embed.command_line import run_each
from gen2embed.data.composition_sets import (
    SUBSETS,
    SUGARCREPE,
    SUGARCREPE_PP,
    TASKS,
    score_name,
)
from gen2embed.evaluation.published import published_scores
from gen2embed.flag_types import seed
from gen2embed.outputs import add_output
from gen2embed.reporting.captions import dropped_in_training, in_seeds
from gen2embed.reporting.results import Run
from gen2embed.reporting.runs import RunName
from gen2embed.reporting.tables.compositions import (
    measured,
    not_run,
    published,
    read_composition_runs,
    shown_compositions,
)
from gen2embed.reporting.tables.paper_tables import write_paper_table
from gen2embed.reporting.tables.published_scores import MARK
from gen2embed.reporting.tables.rendering import AT_CHANCE, BELOW_CHANCE

TITLES = {SUGARCREPE: "SugarCrepe", SUGARCREPE_PP: "SugarCrepe++"}
RULES = {
    SUGARCREPE: "right if the true caption scores above the false one with the image",
    SUGARCREPE_PP: (
        "image-to-text is right if both true captions score above the false one with the image, "
        "text-only if the two true captions are closer to each other than either is to the false "
        "one"
    ),
}
GENERATED = "generated"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabulate_compositions", description=__doc__)
    add = parser.add_argument
    add("--scores", required=True, help="folder with a folder of scores per model and prompt")
    add("--sets", required=True, choices=(GENERATED, "published"), help="what was scored")
    add("--prompts", required=True, nargs="+", help="zero-shot prompts, in the order of the table")
    add("--runs", nargs="*", default=[], help="STRATEGY/PROMPT, in the order of the table")
    add("--seeds", nargs="*", default=[], type=seed, help="seeds of each run")
    add_output(parser, "--out", help="folder for sugarcrepe*.csv, .md, .tex, .html")
    return parser


def caption(benchmark: str, numbers: pd.DataFrame, runs: list[Run], sets: str, seeds: int) -> str:
    title = TITLES[benchmark]
    made = f"sets of this project in {title}'s layout" if sets == GENERATED else f"{title}'s sets"
    chance = sorted({f"{100 * share:.1f}" for share in numbers["chance"]})
    below = int(numbers["below_chance"].sum())
    at = int((~numbers["above_chance"]).sum()) - below
    facts = runs[0].facts()
    resolution = (facts["resolution"] or {}).get("name", "unknown")
    tuned = f", {in_seeds(seeds)} of fine-tuning" if seeds else ""
    return (
        f"{title}, accuracy in percent with 95 % bootstrap interval over rows: {RULES[benchmark]}; "
        f"a tie is a miss. Chance is {' or '.join(chance)}; of {len(numbers)} measured numbers "
        f"{at} are not told from it, marked{AT_CHANCE}, and {below} are far below it, "
        f"marked{BELOW_CHANCE} (a subset: binomial test, p < 0.01, in every seed; a mean: its "
        "interval). Where all rows are right, or none, the interval is Wilson's. Measured on "
        f"{made}, {numbers['n'].min()} rows a subset{tuned}; images: {resolution}; at most "
        f"{facts['max_tokens']} tokens; {facts['dtype']}."
        + dropped_in_rows(runs[0], benchmark)
        + dropped_in_training(runs)
    )


def dropped_in_rows(run: Run, benchmark: str) -> str:
    """Bad rows of all subsets that are in no score; "" of none."""
    names = [score_name(benchmark, subset, TASKS[benchmark][0]) for subset in SUBSETS[benchmark]]
    count = sum(dropped_of(run.scores[name].get("data", {})) for name in names)
    return rows_dropped(count, " {}.")


def tabulate(job: argparse.Namespace) -> None:
    names = [RunName.parse(text) for text in job.runs]
    runs = read_composition_runs(job.scores, job.prompts, names, job.seeds)
    for benchmark in TITLES:
        numbers = measured(runs, benchmark)
        text = caption(benchmark, numbers, runs, job.sets, len(job.seeds) if names else 0)
        others = [not_run(benchmark)] if job.sets == GENERATED else []
        if benchmark == SUGARCREPE:
            others.append(published(published_scores()))
        if job.sets == GENERATED:
            text += (
                " They are other sets than the published ones: no number of one kind compares with "
                'one of the other, and what was not run on the published sets says "not run".'
            )
        if benchmark == SUGARCREPE:
            text += f" {MARK}: published, not measured here, as means by kind of change."
        frame = pd.concat([numbers.astype(object), *(other.astype(object) for other in others)])
        write_paper_table(job.out, benchmark, frame, shown_compositions(frame, benchmark), text)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), tabulate, argv)


if __name__ == "__main__":
    sys.exit(main())
