"""The report's sections (``sections.yaml``): which products each shows, in the paper's order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.reporting.paper import read_products
from gen2embed.text_files import read_yaml

SECTIONS = Path(__file__).with_name("sections.yaml")
SHOWN = ("figure", "table")


@dataclass(frozen=True)
class Section:
    """key: what links name it by; question: what it answers; products: names of the map."""

    key: str
    title: str
    question: str
    products: tuple[str, ...]


def read_sections(path: str | Path = SECTIONS) -> list[Section]:
    """All sections in order; what the map of the paper has besides, such as a product of a user's
    own, stands in a last one.

    Raises InputError where a figure or table stands in several sections, or a section names what
    the map does not know.
    """
    sections = [
        Section(entry["key"], entry["title"], entry["question"], tuple(entry["products"]))
        for entry in read_yaml(Path(path))
    ]
    count = Counter(name for section in sections for name in section.products)
    known = [product.name for product in read_products() if product.kind in SHOWN]
    for name in sorted(set(count) - set(known)):
        raise InputError(f"{path}: {name}: no figure or table of the map of the paper")
    for name, times in count.items():
        if times > 1:
            raise InputError(f"{path}: {name}: stands in {times} sections; one shows it")
    others = tuple(name for name in known if name not in count)
    return [*sections, Section("further", "Further", "What else is there?", others)]
