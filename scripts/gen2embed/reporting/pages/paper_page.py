"""The map of the paper as Markdown tables, and its place in a page: between two comments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath

from gen2embed.errors import InputError
from gen2embed.reporting.paper import Product

END = "<!-- map: end -->"


def short_map(products: Sequence[Product]) -> str:
    """What there is and why, a row for products of one rule that answer the same."""
    lines = ["| product | in the paper | claim or question |", "|---|---|---|"]
    for rows in _groups(products):
        lines.append(f"| {_names(rows)} | {rows[0].answers} | {_claims(rows)} |")
    return "\n".join(lines)


def full_map(products: Sequence[Product]) -> str:
    """The same by the paper's parts, with kind, rule and program."""
    lines = [
        "| in the paper | here | claim or question | rule | program |",
        "|---|---|---|---|---|",
    ]
    for rows in _groups(products):
        row = rows[0]
        kind = row.kind + "s" * (len(rows) > 1)
        program = f"[{PurePosixPath(row.program).name}](../{row.program})"
        lines.append(
            f"| {row.answers} | {kind} {_names(rows)} | {_claims(rows)} | `{row.rule}` "
            f"| {program} |"
        )
    return "\n".join(lines)


MAPS = {"short": short_map, "full": full_map}


def fill(page: str, products: Sequence[Product]) -> str:
    """The page with its map (``<!-- map: short -->`` or ``full``, to the end mark) written anew."""
    for name, render in MAPS.items():
        start = f"<!-- map: {name} -->"
        if start in page and END in page.split(start)[1]:
            before, rest = page.split(start, 1)
            after = rest.split(END, 1)[1]
            return f"{before}{start}\n\n{render(products)}\n\n{END}{after}"
    raise InputError(f"no place for the map: <!-- map: {' or '.join(MAPS)} --> and {END}")


def _groups(products: Sequence[Product]) -> list[list[Product]]:
    of_table = groupby(
        products, lambda product: (product.kind, product.answers, product.rule, product.program)
    )
    return [list(rows) for _, rows in of_table]


def _names(rows: Sequence[Product]) -> str:
    return ", ".join(f"`{row.name}`" for row in rows)


def _claims(rows: Sequence[Product]) -> str:
    return "; ".join(row.claim for row in rows)
