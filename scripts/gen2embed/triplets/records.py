"""Triplet files as records, whatever holds them: JSONL, JSON, parquet, CSV, TSV."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gen2embed.errors import InputError
from gen2embed.files import read_csv, read_json, read_json_lines, reading, write_csv, write_text
from gen2embed.outputs import whole_file
from gen2embed.triplets.items import Item, Row
from gen2embed.triplets.layouts import LAYOUTS, Layout, Record, images, layout_of, text

TABLES = {".csv": ",", ".tsv": "\t"}
ENDINGS = (".jsonl", ".json", ".parquet", *TABLES)


def read_records(path: str | Path) -> list[Record]:
    """One object for each row; InputError for another ending, no rows, or a row that is none."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path}: files of rows end in {', '.join(ENDINGS)}; rename or convert it")
    if ending in TABLES:
        records = read_csv(path, [], TABLES[ending]).to_dict("records")
    elif ending == ".parquet":
        with reading(path, "parquet"):
            records = pq.read_table(path).to_pylist()
    elif ending == ".json" and not is_lines(path):
        records = rows_in(read_json(path), path)
    else:
        records = read_json_lines(path)
    if not records:
        raise InputError(f"{path}: holds no rows")
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise InputError(f"{path}: row {number} is {record!r:.40}; each row is an object")
    return records


def is_lines(path: str | Path) -> bool:
    """Whether a .json file holds an object a line, as FlagEmbedding's and others do."""
    with reading(path, "JSON"), Path(path).open(encoding="utf-8-sig") as file:
        first = next((line for line in file if line.strip()), "")
        try:
            return isinstance(json.loads(first), dict)
        except ValueError:  # an object or a list over several lines
            return False


def rows_in(value: Any, path: str | Path) -> list[Any]:
    """A JSON file's list of rows: the file itself, or the one list of objects that it names.

    Raises InputError where there is none, or which is meant is open.
    """
    if isinstance(value, list):
        return value
    lists = {
        name: rows
        for name, rows in (value.items() if isinstance(value, dict) else ())
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)
    }
    if len(lists) == 1:
        return next(iter(lists.values()))
    found = f"holds several lists ({', '.join(lists)})" if lists else "holds no list of rows"
    raise InputError(f"{path}: {found}; write one as JSONL, an object a line")


def read_corpus(path: str | Path | None) -> dict[str, Item]:
    """Documents by docid, for files that name them by it."""
    if not path:
        return {}
    found = {}
    for number, record in enumerate(read_records(path)):
        if "docid" not in record:
            raise InputError(f"{path}: row {number} has no docid; tevatron's corpus names them so")
        with_row = f"{path}: row {number}"
        title, body = (text(record.get(name), f"{with_row}: {name}") for name in ("title", "text"))
        pictures = images(record.get("image"), f"{with_row}: image")
        found[str(record["docid"])] = Item(f"{title} {body}".strip(), pictures)
    return found


def read_triplets(
    path: str | Path, records: Sequence[Record], layout: str | None, corpus: Mapping[str, Item]
) -> tuple[Layout, list[Row]]:
    """The rows, and the layout they are in (None: known by the first row's columns)."""
    read_row = LAYOUTS[layout] if layout else layout_of(set(records[0]), path)
    rows = []
    for number, record in enumerate(records):
        try:
            rows.append(read_row.read(record, corpus))
        except InputError as error:
            raise InputError(f"{path}: row {number}: {error}") from None
        except KeyError as error:
            raise InputError(
                f"{path}: row {number} has no {error.args[0]!r}, which {read_row.name} rows have; "
                "add it, or leave the row out"
            ) from None
    return read_row, rows


def write_records(path: str | Path, records: Sequence[Record], like: str | Path) -> None:
    """In the form of the ending; a parquet file keeps the columns' types of the file ``like``."""
    ending = Path(path).suffix.lower()
    if ending in TABLES:
        frame = pd.DataFrame(list(records))
        if ending == ".csv":
            write_csv(path, frame)
        else:
            write_text(path, frame.to_csv(index=False, sep="\t", lineterminator="\n"))
    elif ending == ".parquet":
        schema = pq.read_schema(like) if Path(like).suffix.lower() == ".parquet" else None
        if schema is not None and records:
            schema = pa.schema([field for field in schema if field.name in records[0]])
        with whole_file(path) as temporary:
            pq.write_table(pa.Table.from_pylist(list(records), schema=schema), temporary)
    elif ending == ".json":
        write_text(path, _json(list(records), indent=1) + "\n")
    else:
        write_text(path, "".join(_json(record) + "\n" for record in records))


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent)
    except TypeError:
        raise InputError("these rows hold stored images, which JSON cannot; use .parquet") from None
