"""Export a model, its adapter merged, as a folder that sentence-transformers and mteb load."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.artifacts.described import LEADERBOARD, read_described
from gen2embed.command_line import run_each
from gen2embed.files import digest_folder, write_json, write_text
from gen2embed.models.folders.adapters import card_of, check_form, check_model
from gen2embed.models.pixel_limits import limits_of_job
from gen2embed.outputs import add_output, whole_folder
from gen2embed.prompts import input_form
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.settings import add_settings

SETTINGS = ("resolution", "min_pixels", "max_pixels", "max_tokens", "dtype")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="export_model", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="model folder or hub id")
    add("--revision", help="revision of a hub model (a commit)")
    add("--adapter", help="PEFT folder of a fine-tuned adapter; it is merged")
    add("--prompt", required=True, help="name in the prompt registry")
    add("--prompt-file", help="YAML file with further prompts")
    input_form.add_flags(parser)
    add_settings(parser, "embed", SETTINGS)
    add("--leaderboard", help="scores of this model, as write_leaderboard.py wrote them (.json)")
    add("--name", help="name of the model in its card")
    add(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compare vectors with those of the folder in sentence-transformers, where it loads",
    )
    add_output(parser, "--out", whole=True, help="the folder")
    return parser


def export(job: argparse.Namespace) -> None:
    prompt = get_prompt(job.prompt, job.prompt_file)
    get_resolution(job.resolution)
    form = input_form.form_of(job)
    scores = None
    if job.leaderboard:
        scores = read_described(job.leaderboard, LEADERBOARD, "write it again")
    limits = limits_of_job(job, job.adapter)
    check_form(form, job.adapter, f"{job.out}, to be exported,")

    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.export.card import render_card
    from gen2embed.models.export.check import check_rendering, check_vectors
    from gen2embed.models.export.folder import needs_video, write_folder

    backbone = load_backbone(job.model, job.revision, job.dtype, "cpu", form=form, limits=limits)
    if job.adapter is not None:
        check_model(job.model, job.adapter, digest_folder)
        backbone.load_adapter(job.adapter)
    facts = {
        "name": job.name or Path(job.adapter or job.model).name,
        "backbone": backbone.name,
        "dim": backbone.dim,
        "reads_images": bool(backbone.image_token),
        "needs_torchvision": needs_video(backbone),
        "resolution": job.resolution,
        "max_tokens": job.max_tokens,
    }
    with whole_folder(job.out, "export_model.py") as folder:
        template = write_folder(backbone, prompt, folder)
        rendered = check_rendering(backbone, prompt, template)
        compared = check_vectors(backbone, prompt, folder) if job.check else {}
        card = render_card(facts, prompt, card_of(job.adapter), scores)
        write_text(folder / "README.md", card)
        made = {
            **facts, "prompt": prompt.name, "pixel_limits": backbone.pixel_limits(),
            "prompts_equal_to_the_byte": rendered,
        }  # fmt: skip
        write_json(folder / "export.json", made)
        write_json(folder / "export.run.json", compared)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), export, argv)


if __name__ == "__main__":
    sys.exit(main())
