"""Numbers in pages: each stands between two marks, and the page's end says where it is from.

In the text ``<!--=plain-->45.2 [43.9, 46.6]<!--/-->``, and in one comment at the end of the page::

    <!-- numbers:
    plain = zero_shot run=plain aggregate=all : value %ci
    pairs = minimal_pairs : table
    -->

that is: the cell ``value`` of the one row of ``zero_shot.csv`` whose ``run`` is plain and whose
``aggregate`` is all, with its interval; a whole table as it is read. Values with spaces stand in
quotes. Ours.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.reporting.tables.rendering import percent, points
from gen2embed.reporting.verdicts import claimed, verdict

MARKED = re.compile(r"(?<!`)<!--=([^\s<>]+)-->(.*?)<!--/-->", re.DOTALL)  # not one in code
SOURCES = re.compile(r"<!-- numbers:\n(.*?)\n-->", re.DOTALL)
UNKNOWN = "not published"
TABLE = "table"


@dataclass(frozen=True)
class Source:
    """Where a number is from: a cell (or the table) of a CSV file, and how it is written."""

    table: str
    where: Mapping[str, str]
    column: str
    form: str

    @classmethod
    def parse(cls, words: str) -> Source:
        """Raises InputError for a line that does not say what is wanted."""
        try:
            (table, *pairs), after = (shlex.split(part) for part in words.split(" : ", 1))
            where = dict(pair.split("=", 1) for pair in pairs)
            column, form = (*after, "") if after == [TABLE] else after
        except ValueError:
            raise InputError(
                f"{words}: write TABLE COLUMN=VALUE ... : COLUMN FORM, or TABLE : table"
            ) from None
        if column != TABLE and form not in FORMS:
            raise InputError(f"{words}: no form {form!r}; known: {', '.join(FORMS)}")
        return cls(table, where, column, form)

    @property
    def columns(self) -> list[str]:
        """The columns that the file must have."""
        return [] if self.column == TABLE else [*self.where, self.column]

    def read(self, folder: Path) -> str | None:
        """As it stands in the page; None where the folder has no such file, column or row.

        Raises InputError where several rows fit.
        """
        if self.column == TABLE:
            path = folder / f"{self.table}.md"
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            return "\n".join(line for line in lines if line.startswith("|")) or None
        path = folder / f"{self.table}.csv"
        frame = pd.read_csv(path) if path.is_file() else pd.DataFrame()
        if not set(self.columns) <= set(frame):
            return None
        for column, value in self.where.items():
            frame = frame[frame[column].astype(str) == value]
        if len(frame) > 1:
            raise InputError(f"{len(frame)} rows of {path} fit; name one")
        if frame.empty or pd.isna(frame[self.column].iloc[0]):
            return None
        return FORMS[self.form](frame.iloc[0], self.column)


def _interval(row: pd.Series, column: str) -> tuple[float, float, float]:
    """The number with its interval, whose columns are named after it, or after nothing."""
    low, high = f"{column}_ci_low", f"{column}_ci_high"
    if low not in row:
        low, high = "ci_low", "ci_high"
    return float(row[column]), float(row[low]), float(row[high])


FORMS: dict[str, Callable[[pd.Series, str], str]] = {
    "%": lambda row, column: percent(float(row[column])),
    "%ci": lambda row, column: percent(*_interval(row, column)),
    "%whole": lambda row, column: f"{100 * float(row[column]):.0f}",
    "pointsci": lambda row, column: points(*_interval(row, column)),
    "2": lambda row, column: f"{float(row[column]):.2f}",
    "3": lambda row, column: f"{float(row[column]):.3f}",
    "text": lambda row, column: str(row[column]),
    "verdict": lambda row, _: verdict(row),
    "claim": lambda row, _: claimed(row),
}


def sources(page: str) -> dict[str, Source]:
    """Where the page's numbers are from, by name; empty for a page without marks.

    Raises InputError for a line that cannot be read, a mark without a source and one the other way.
    """
    found: dict[str, Source] = {}
    for block in SOURCES.findall(page):
        for line in block.splitlines():
            name, separator, source = line.partition(" = ")
            if not separator or name in found:
                raise InputError(f"numbers: {line}: write NAME = SOURCE, each name once")
            found[name] = Source.parse(source)
    marked = {name for name, _ in MARKED.findall(page)}
    if odd := sorted(marked ^ set(found)):
        raise InputError(f"{odd[0]}: needs a mark <!--={odd[0]}--> ... <!--/--> and a source")
    return found


def fill(page: str, folder: Path) -> tuple[str, list[str]]:
    """The page with every number read anew from ``folder``, and the names of those not found there.

    What the folder does not tell is "not published". Raises InputError as ``sources`` does, and
    where several rows fit.
    """
    texts: dict[str, str | None] = {}
    found = sources(page)
    for name, source in found.items():
        try:
            texts[name] = source.read(folder)
        except InputError as error:
            raise InputError(f"numbers: {name}: {error}") from None

    def written(match: re.Match) -> str:
        text = texts[match[1]] or UNKNOWN
        if found[match[1]].column == TABLE:
            text = f"\n\n{text}\n\n"
        return f"<!--={match[1]}-->{text}<!--/-->"

    return MARKED.sub(written, page), [name for name, text in texts.items() if text is None]
