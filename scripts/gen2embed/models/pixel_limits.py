"""Least and most pixels of an image, where a processor resizes within limits (the Qwen family).

The authors train with 256 and 1280 squares of 28 pixels and save that processor with the
checkpoint; the base model's own limits are wider. A folder's own limits hold unless told otherwise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen2embed.errors import InputError
from gen2embed.files import read_json
from gen2embed.settings import add_settings

PREPROCESSOR = "preprocessor_config.json"


@dataclass(frozen=True)
class PixelLimits:
    """Pixels of an image, width x height; None: the processor's own.

    Raises InputError for limits below 1 or in the wrong order.
    """

    least: int | None = None
    most: int | None = None

    def __post_init__(self) -> None:
        for flag, value in (("--min-pixels", self.least), ("--max-pixels", self.most)):
            if value is not None and value < 1:
                raise InputError(f"{flag} is {value}; give at least 1")
        if self.least and self.most and self.least > self.most:
            raise InputError(f"--min-pixels is {self.least}, more than --max-pixels {self.most}")

    def __bool__(self) -> bool:
        return self.least is not None or self.most is not None

    def or_else(self, other: PixelLimits) -> PixelLimits:
        """These; what they leave open is the other's."""
        return PixelLimits(
            other.least if self.least is None else self.least,
            other.most if self.most is None else self.most,
        )


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_settings(parser, "embed", ("min_pixels", "max_pixels"))


def limits_of_job(job: argparse.Namespace, adapter: str | None = None) -> PixelLimits:
    """The limits that a program's flags name; what they leave open is the adapter's own."""
    return PixelLimits(job.min_pixels, job.max_pixels).or_else(limits_of_folder(adapter))


def limits_of_folder(folder: str | Path | None) -> PixelLimits:
    """Those of the processor that lies in a folder; none where none lies there, or it has none.

    Of an adapter's checkpoint: those of the training's own folder, two above.
    Raises InputError, with the file's name, for limits that cannot be.
    """
    if folder is None:
        return PixelLimits()
    path = Path(folder).absolute()  # of a checkpoint named from within, too
    above = path.parents[1:2] if path.parent.name == "checkpoints" else []
    found = next(
        (candidate for candidate in (path, *above) if (candidate / PREPROCESSOR).is_file()), None
    )
    if found is None:
        return PixelLimits()
    facts: Any = read_json(found / PREPROCESSOR)
    size: Any = facts.get("size") if isinstance(facts, dict) else None
    size = size if isinstance(size, dict) else {}
    edges = size.get("shortest_edge"), size.get("longest_edge")
    least, most = edges if all(edges) else (None, None)  # one alone is a length, not an area
    try:
        least = facts.get("min_pixels") or size.get("min_pixels") or least
        most = facts.get("max_pixels") or size.get("max_pixels") or most
        return PixelLimits(least, most)
    except (AttributeError, TypeError, InputError):
        raise InputError(
            f"{found / PREPROCESSOR}: its limits of pixels cannot be; mend its min_pixels and "
            "max_pixels, or its size"
        ) from None
