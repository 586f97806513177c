"""Write the site's reference: every program's flags, and every key of the configuration."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gen2embed.command_line import run_each
from gen2embed.files import write_text
from gen2embed.outputs import add_output
from gen2embed.settings import load_schema
from gen2embed.text_files import read_text, read_yaml

SCRIPTS = Path(__file__).resolve().parent
PROJECT = SCRIPTS.parent
WIDTH = "88"  # columns of the help texts
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
LARGEST = 2**31 - 1  # a bound that says no more than that there is one
COMMENTED = re.compile(r"( *)(\w+):.*? # (.*)")  # a line of config.yaml
GOES_ON = re.compile(r" {10,}# (.*)")
PROGRAMS = """# Programs

Written by `scripts/write_reference.py` from the programs' own `--help`. Each runs by hand as
`python scripts/NAME.py`; the rules call them with the same flags. Bad input ends in one line that
names the file, the row and the remedy, exit status 2, and no output.
"""
SETTINGS = """# Configuration

Written by `scripts/write_reference.py` from `schemas/config.schema.yaml`, which refuses every
other key, and the default study's values (`config.yaml`, where each key has a comment). Other
studies are overlays: `snakemake --configfile configs/NAME.yaml`.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="write_reference", description=__doc__)
    add_output(parser, "--out", help="folder for programs.md and configuration.md")
    return parser


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def programs() -> Iterator[str]:
    """A section for each program: what it is for, and its help to the letter."""
    yield PROGRAMS
    for path in sorted(SCRIPTS.glob("*.py")):
        module = load(path)
        yield f"## {path.stem}\n\n{(module.__doc__ or '').strip()}\n"
        if hasattr(module, "build_parser"):
            yield f"```text\n{module.build_parser().format_help().rstrip()}\n```\n"


def comments(text: str) -> dict[tuple[str, str], str]:
    """(section, key) -> its comment in config.yaml; of the topmost keys the section is "".

    >>> comments("mine:  # all\n  k: 7   # negatives,\n            # at most\n")[("mine", "k")]
    'negatives, at most'
    """
    found: dict[tuple[str, str], str] = {}
    section, last = "", None
    for line in text.splitlines():
        if line[:1].isalpha():
            section = line.split(":")[0]
        if commented := COMMENTED.match(line):
            last = (section if commented[1] else "", commented[2])
            found[last] = commented[3]
        elif last and (more := GOES_ON.match(line)):
            found[last] += f" {more[1]}"
        else:
            last = None
    return found


def settings(
    schema: Mapping[str, Any], values: Mapping[str, Any], described: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """A table for each section of the configuration: key, what it may be, the default study's."""
    yield SETTINGS
    top = {key: rule for key, rule in schema["properties"].items() if "properties" not in rule}
    yield from _table("", top, schema, values, described)
    for name, rule in schema["properties"].items():
        if name not in top:
            yield from _table(name, rule["properties"], schema, values[name], described)


def _table(
    section: str,
    rules: Mapping[str, Any],
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    described: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    title = f"`{section}`" if section else "The study"
    yield f"## {title}\n\n| key | may be | in the default study | what |\n|---|---|---|---|"
    for key, rule in rules.items():
        rule = resolved(rule, schema)
        value = json.dumps(values.get(key), ensure_ascii=False)
        meant = described.get((section, key)) or str(rule.get("description", ""))
        meant = meant.replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{key}` | {allowed(rule, schema)} | `{_short(value)}` | {meant} |"
    yield ""


def _short(text: str) -> str:
    text = text.replace("|", "\\|").replace("`", "'")
    return text if len(text) <= 60 else f"{text[:57]}..."


def resolved(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with what it refers to; what stands beside the reference wins."""
    if "$ref" not in rule:
        return dict(rule)
    found = resolved(schema["$defs"][rule["$ref"].split("/")[-1]], schema)
    return found | {key: value for key, value in rule.items() if key != "$ref"}


def allowed(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a value may be, in words: "integer, at least 1"; "one of a, b".

    >>> allowed({"type": ["integer", "null"], "minimum": 1}, {})
    'integer or null, at least 1'
    """
    if "meaning" in rule:
        return str(rule["meaning"])
    if "const" in rule:
        return f"`{json.dumps(rule['const'])}`"
    if "enum" in rule:
        return f"one of {', '.join(f'`{value}`' for value in rule['enum'])}"
    if "anyOf" in rule:
        return " or ".join(allowed(resolved(branch, schema), schema) for branch in rule["anyOf"])
    types = rule.get("type", "anything")
    text = " or ".join(types) if isinstance(types, list) else types
    if "items" in rule:
        text += f" of ({allowed(resolved(rule['items'], schema), schema)})"
    bounds = [
        text.format(rule[key]) for key, text in BOUNDS.items() if rule.get(key, LARGEST) != LARGEST
    ]
    return ", ".join([text, *bounds])


def write(job: argparse.Namespace) -> None:
    os.environ["COLUMNS"] = WIDTH  # argparse breaks lines there
    out = Path(job.out)
    write_text(out / "programs.md", "\n".join(programs()))
    default = PROJECT / "config.yaml"
    shown = settings(load_schema(), read_yaml(default), comments(read_text(default)))
    write_text(out / "configuration.md", "\n".join(shown))


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), write, argv)


if __name__ == "__main__":
    sys.exit(main())
