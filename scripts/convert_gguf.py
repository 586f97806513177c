"""Make a transformers folder of a GGUF file: weights de-quantised to float32, tokenizer, card."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from gen2embed.command_line import run_each
from gen2embed.data.wheel_models import WheelModel, find_wheel_model
from gen2embed.errors import InputError
from gen2embed.files import (
    check_file,
    digest_file,
    package_versions,
    read_json,
    run_record,
    write_json,
    write_text,
)
from gen2embed.models.folders.gguf_files import ENDING
from gen2embed.models.folders.released import SOURCE
from gen2embed.outputs import add_output, whole_folder


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="convert_gguf", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="name in the register of models in wheels, or any other")
    add("--gguf", required=True, help="the GGUF file; of a model of the register: the one of there")
    add_output(parser, "--out", whole=True, help="folder of the model")
    return parser


def source_of(path: Path, entry: WheelModel | None) -> dict[str, Any]:
    """Where a file comes from, for the card; InputError where it is not the register's."""
    check_file(path)
    if path.suffix != ENDING:
        raise InputError(f"{path}: is no GGUF file by its name; it must end in {ENDING}")
    found = {"file": path.name, "file_sha256": digest_file(path)}
    if entry is None:
        return found | {"licence": None}
    if found["file_sha256"] != entry.file_sha256:
        raise InputError(
            f"{path}: has the SHA-256 {found['file_sha256']}, not that of {entry.name} in the "
            f"register ({entry.file_sha256}); fetch it again"
        )
    wheel = {"package": entry.package, "version": entry.version, "wheel_sha256": entry.sha256}
    return {**found, **wheel, "file": entry.file, "licence": entry.licence,
            "base_model": entry.base_model}  # fmt: skip


def convert(job: argparse.Namespace) -> None:
    path, out = Path(job.gguf), Path(job.out)
    entry = find_wheel_model(job.model)
    name = entry.name if entry else path.stem
    source = source_of(path, entry)
    with run_record(out.parent / f"{out.name}.run.json"):
        from gen2embed.models.backbones import load_backbone
        from gen2embed.models.folders.gguf_files import quantisation

        backbone = load_backbone(str(path), None, "fp32", "cpu")
        model = backbone.model
        card = {
            "model": name,
            "source": source,
            "architecture": model.config.model_type,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "quantisation": quantisation(path),
            "weights": "de-quantised to float32",
            "chat_markup": vars(backbone.template),
            "versions": package_versions("transformers", "gguf", "torch", "tokenizers"),
        }
        with whole_folder(out, "convert_gguf") as folder:
            model.save_pretrained(folder)
            save_tokenizer(backbone.processor.tokenizer, folder)
            revision = f"{entry.package}=={entry.version}" if entry else source["file_sha256"]
            write_json(folder / SOURCE, {"model": name, "revision": revision})
            write_json(folder / "card.json", card)
            write_text(folder / "README.md", readme(card))


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Such that it is read as it is: a model family's own class would rebuild parts of it."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    write_json(path, read_json(path) | {"tokenizer_class": "PreTrainedTokenizerFast"})


def readme(card: dict[str, Any]) -> str:
    """The card to be read."""
    types = ", ".join(f"{count} of {kind}" for kind, count in card["quantisation"].items())
    lines = [f"{key}: {value}" for key, value in card["source"].items() if value is not None]
    return (
        f"# {card['model']}\n\nA {card['architecture']} of {card['parameters']:,} parameters, "
        f"de-quantised to float32 from a GGUF file whose tensors are {types}: the values are those "
        "that the quantisation left, not the original's.\n\n"
        + "".join(f"- {line}\n" for line in lines)
        + f"\nIts chat markup:\n\n```json\n{json.dumps(card['chat_markup'], indent=2)}\n```\n"
    )


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), convert, argv)


if __name__ == "__main__":
    sys.exit(main())
