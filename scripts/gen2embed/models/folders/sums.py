"""Checksums of the models and adapters that this project writes: in their card, checked when read.

A flipped bit in weights changes every vector, and safetensors does not notice it.
"""

from __future__ import annotations

from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.files import SMALL_FILES, check_file, digest_file, read_json

CARD, SUMS = "card.json", "sha256"
LOADED = (*SMALL_FILES, ".safetensors", ".bin")
SUMMED = ("*.safetensors", "*config.json", "tokenizer.json", "chat_template.jinja")


def sums_of(folder: Path) -> dict[str, str]:
    """SHA-256 by path relative to the folder, of all that decides vectors, checkpoints included."""
    files = {path for pattern in SUMMED for path in folder.rglob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in sorted(files)}


def check_sums(folder: str | Path) -> None:
    """Raise InputError for a file of the folder that its card tells another checksum of.

    The card is the folder's own or, of a checkpoint, that of the training's folder two above.
    """
    path = Path(folder).absolute()
    above = path.parents[1:2] if path.parent.name == "checkpoints" else []
    for root in (path, *above):
        if (root / CARD).is_file():
            card = read_json(root / CARD)
            sums = card.get(SUMS) if isinstance(card, dict) else None
            check_stated(root, path, sums if isinstance(sums, dict) else {})
            return


def check_regular(folder: str | Path) -> None:
    """Raise InputError for a file that is loaded and is a pipe, a device, or a link to nothing."""
    if Path(folder).is_dir():
        for path in sorted(Path(folder).iterdir()):
            if path.suffix in LOADED:
                check_file(path)


def check_stated(root: Path, folder: Path, sums: dict[str, str]) -> None:
    """sums: SHA-256 by path below ``root``; those directly in ``folder`` are looked at."""
    for name, digest in sums.items():
        file = root / name
        if file.parent == folder and file.is_file() and digest_file(file) != digest:
            raise InputError(
                f"{file}: is not the file that {root / CARD} describes (another SHA-256): it was "
                f"damaged, or replaced; make it again, or take {SUMS!r} out of the card"
            )
