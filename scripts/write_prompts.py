"""Write the page that shows every backbone's rendered prompts (docs/prompts.md)."""

from __future__ import annotations

import argparse
import sys

from gen2embed.command_line import run_each
from gen2embed.files import write_text
from gen2embed.outputs import add_output
from gen2embed.prompts.registry import load_prompts


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_prompts", description=__doc__)
    parser.add_argument("--prompt-file", help="YAML file with further prompts")
    add_output(parser, "--out", ".md", help="Markdown")
    return parser


def write(job: argparse.Namespace) -> None:
    prompts = load_prompts(job.prompt_file)
    from gen2embed.models.prompt_page import render_page

    write_text(job.out, render_page(prompts))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
