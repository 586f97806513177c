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
        one = rows[0]
        kind = one.kind + "s" * (len(rows) > 1)
        program = f"[{PurePosixPath(one.program).name}](../{one.program})"
        lines.append(
            f"| {one.answers} | {kind} {_names(rows)} | {_claims(rows)} | `{one.rule}` "
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
    same = groupby(products, lambda one: (one.kind, one.answers, one.rule, one.program))
    return [list(rows) for _, rows in same]


def _names(rows: Sequence[Product]) -> str:
    return ", ".join(f"`{one.name}`" for one in rows)


def _claims(rows: Sequence[Product]) -> str:
    return "; ".join(one.claim for one in rows)
