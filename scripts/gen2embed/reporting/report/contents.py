"""What the report shows of a product: a figure's image and caption, a table's cells and caption."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.files import read_text
from gen2embed.reporting.paper import Product
from gen2embed.reporting.report.best import NOTE, TESTS_OF, best_cells

CELLS = ("th", "td")
SENTENCE_END = re.compile(r"\. (?=[A-Z])")
OPEN = 240  # characters of a caption that stand open; the rest is folded


@dataclass(frozen=True)
class Shown:
    """One figure or table. image: a data address, "" of a table; best: (row, column) to mark;
    download: the numbers (CSV) as a data address."""

    product: Product
    caption: str
    download: str
    image: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    best: set[tuple[int, int]] = field(default_factory=set)
    note: str = ""


def read_figure(path: Path, product: Product) -> Shown:
    """A figure by its PNG; caption and numbers lie beside it."""
    image = data_address(path, "image/png")
    caption = read_text(path.with_suffix(".md")).strip()
    return Shown(product, caption, data_address(path.with_suffix(".csv"), "text/csv"), image)


def read_table(path: Path, product: Product, tables: Mapping[str, pd.DataFrame]) -> Shown:
    """A table by its HTML; tables: the numbers of all tables, among them the paired tests."""
    header, rows, caption = parse_table(path)
    tests = tables.get(TESTS_OF.get(product.name, ""))
    best = set() if tests is None else best_cells(header, rows, tests)
    return Shown(
        product, caption, data_address(path.with_suffix(".csv"), "text/csv"), header=header,
        rows=rows, best=best, note="" if tests is None else NOTE,
    )  # fmt: skip


class _TableParser(HTMLParser):
    """Collects the cells of each row, and the caption."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.caption = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  the parser's own
        if tag == "tr":
            self.rows.append([])
        elif tag in CELLS:
            self.rows[-1].append("")
        if tag in (*CELLS, "caption"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "caption":
            self.caption += data
        elif self._inside:
            self.rows[-1][-1] += data


def parse_table(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and caption of a page that ``write_table`` wrote.

    Raises InputError for another page.
    """
    parser = _TableParser()
    parser.feed(read_text(path))
    if not parser.rows or len(set(map(len, parser.rows))) != 1:
        raise InputError(f"{path}: holds no table of this project; make it again")
    return parser.rows[0], parser.rows[1:], parser.caption


def numbers_of(paths: Iterable[Path]) -> dict[str, pd.DataFrame]:
    """The numbers of tables: name -> what its CSV holds. Empty files are left out."""
    found = {}
    for path in (path.with_suffix(".csv") for path in paths):
        try:
            found[path.stem] = pd.read_csv(path)
        except pd.errors.EmptyDataError:
            continue
        except (OSError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({error}); make it again") from None
    return found


def data_address(path: Path, kind: str) -> str:
    """A file inside an address, so that the page needs nothing beside it.

    Raises InputError for a file that is missing.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; run `snakemake --cores all` first") from None
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def spans(text: str) -> list[tuple[bool, str]]:
    """A caption in pieces, and of each whether it is code: what stands between backticks.

    >>> spans("of `plain` alone")
    [(False, 'of '), (True, 'plain'), (False, ' alone')]
    """
    pieces = enumerate(text.split("`"))
    return [(bool(place % 2), piece) for place, piece in pieces if piece]


def cut(caption: str) -> tuple[str, str]:
    """The first sentences of a caption, and the rest, cut where a sentence ends.

    >>> cut("Short.")
    ('Short.', '')
    """
    if len(caption) <= OPEN:
        return caption, ""
    end = SENTENCE_END.search(caption, OPEN // 4)
    return (caption, "") if end is None else (caption[: end.start() + 1], caption[end.end() :])
