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
    """All sections in order.

    Raises InputError where a figure or table of the map of the paper stands in none of them, or in
    several, or a section names what the map does not know.
    """
    sections = [
        Section(entry["key"], entry["title"], entry["question"], tuple(entry["products"]))
        for entry in read_yaml(Path(path))
    ]
    count = Counter(name for section in sections for name in section.products)
    known = {product.name for product in read_products() if product.kind in SHOWN}
    for name in sorted(set(count) - known):
        raise InputError(f"{path}: {name}: no figure or table of the map of the paper")
    for name in sorted(known):
        if count[name] != 1:
            raise InputError(f"{path}: {name}: stands in {count[name]} sections; one shows it")
    return sections
