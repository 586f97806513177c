"""The map of the paper (``paper.csv``): which part of it each product of this project answers.

A product is a figure, a table, the algorithm or an equation. Its column ``answers`` names parts of
the paper (``figure 5``; several with ``;`` between them), says that the content is in the paper but
the number is not known here, or that no part is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gen2embed.errors import InputError
from gen2embed.files import read_csv

PAPER = Path(__file__).with_name("paper.csv")
COLUMNS = ("product", "kind", "answers", "claim", "rule", "program")
NO_NUMBER = "number not known here"
NONE = "none known"


@dataclass(frozen=True)
class Product:
    """One row of the map; ``program`` is a path from the repository's root."""

    name: str
    kind: str
    answers: str
    claim: str
    rule: str
    program: str

    @property
    def part(self) -> str:
        """ "the paper's figure 5"; "" where no part is known."""
        if self.answers == NONE:
            return ""
        if self.answers == NO_NUMBER:
            return "a part of the paper whose number is not known here"
        return f"the paper's {self.answers.replace('; ', ' and ')}"


def read_products() -> list[Product]:
    rows = read_csv(PAPER, COLUMNS)
    return [Product(*row) for row in rows[list(COLUMNS)].itertuples(index=False)]


def product(name: str) -> Product:
    """One product by its name; InputError for a name that is not in the map."""
    for product in read_products():
        if product.name == name:
            return product
    raise InputError(f"{PAPER}: has no product {name!r}; add a row that says what it answers")


def answer(name: str) -> str:
    """The sentence that a caption ends with: "Answers the paper's figure 5." """
    return f"Answers {product(name).part or 'no part of the paper that is known here'}."


def heading(name: str) -> str:
    """A product's name with the part that it answers: "umap: the paper's figure 3"."""
    part = product(name).part
    return f"{name}: {part}" if part else name
