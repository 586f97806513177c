"""Fine-tune a model on mined clusters: a LoRA adapter, its checkpoints, log and card."""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.command_line import run_program
from gen2embed.errors import Stopped
from gen2embed.flag_types import seed, whole
from gen2embed.models import pixel_limits
from gen2embed.outputs import add_output
from gen2embed.prompts import input_form
from gen2embed.prompts.input_form import form_facts
from gen2embed.settings import add_settings
from gen2embed.training import processes
from gen2embed.training.inputs import read_inputs
from gen2embed.training.job import SETTINGS, Training
from gen2embed.training.run import train


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_adapter", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--prompt", required=True, help="name in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    add("--pairs", required=True, nargs="+", help="pairs parquet of each subset")
    add("--clusters", required=True, nargs="+", help="cluster files, in the same order")
    add("--query-items", required=True, help="items parquet of the query side")
    add("--target-items", required=True, help="items parquet of the target side")
    add("--image-root", required=True, help="folder that the items' image paths start from")
    add("--equivalences", nargs="+", help="parquets of query_id, target_id, masked in the loss")
    add("--corpora", nargs="+", help="parquets of target_id, where clusters were mined with one")
    add("--scores", help="parquet of query_id, target_id, score of a judge: soft labels")
    add_settings(parser, "train", ["hidden"])
    add("--hidden-seed", type=seed, default=0, help="which of them are hidden")
    input_form.add_flags(parser)
    pixel_limits.add_flags(parser)
    add("--seed", type=seed, required=True, help="decides initial weights, batches and dropout")
    add("--save-adapters-at", type=whole(), nargs="*", default=[], help="steps to keep adapters of")
    add_settings(parser, "train", SETTINGS)
    add("--device", default="auto", help="auto, cpu, cuda, ...")
    add("--partial", help="folder for states to resume from; none: an interrupted run starts anew")
    add("--counted", help="folder of token counts that runs share; none: counted for this run")
    add_output(parser, "--out", whole=True, help="PEFT folder")
    return parser


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        resolved = [Training.of(job) for job in jobs]
        inputs = [
            read_inputs(
                job.pairs,
                job.clusters,
                job.query_items,
                job.target_items,
                None if job.allow_other_prompt else job.prompt,
                form_facts(training.form),
                job.fraction,
                job.row_cap,
                job.seed,
                job.equivalences,
                job.hidden,
                job.hidden_seed,
                job.corpora,
            )
            for job, training in zip(jobs, resolved, strict=True)
        ]
        for training, of_job in zip(resolved, inputs, strict=True):
            train(training, of_job)

    try:
        return run_program(build_parser(), work, argv)
    except Stopped as reason:
        print(f"train_adapter: {reason}", file=sys.stderr)
        return processes.ENDED_BY_SIGTERM
    except RuntimeError as error:
        if not processes.lost_the_others(error):
            raise
        lost = f"rank {processes.rank()} has lost the other processes"
        print(f"train_adapter: {lost} ({str(error).splitlines()[0]})", file=sys.stderr)
        return processes.LOST_THE_OTHERS
    finally:
        processes.leave()


if __name__ == "__main__":
    sys.exit(main())
