"""One file spoilt as users' files are: cut, flipped, of another type, shape, encoding, or gone."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

VALUES: tuple[Any, ...] = (
    None, True, "x", "", -1, 0, 1.5, 10**30, 10**400, [], {}, [None], ["x"], {"x": 1}, "é\ud800",
)  # fmt: skip
CELLS = ("", "x", "-1", "nan", "inf", "1e999", "true", "²", "a,b", '"', "../x", "é", "1" * 5000)
DAMAGE = ("cut", "flip", "empty", "gone", "folder", "pipe", "other", "encoding", *["inside"] * 8)


def spoil(path: Path, kind: str, draw: random.Random) -> str:
    """Replace the file (never write into it: it is a hard link); what was done, in words."""
    whole = path.read_bytes()
    path.unlink()
    if kind == "gone":
        return kind
    if kind == "folder":
        path.mkdir()
        return kind
    if kind == "pipe":
        os.mkfifo(path)
        return kind
    done, made = kind, b""
    at = draw.randrange(len(whole)) if whole else 0
    if kind == "cut":
        done, made = f"cut at {at}", whole[:at]
    elif kind == "flip":
        bit = draw.randrange(8)
        done = f"bit {bit} of byte {at}"
        made = whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :] if whole else b""
    elif kind == "other":
        done, made = draw.choice(OTHERS)
    elif kind == "encoding":
        done, made = in_another_encoding(whole, draw)
    elif kind == "inside":
        done, made = inside(path, whole, draw)
    path.write_bytes(made)
    return done


OTHERS = (
    ("a parquet file", b"PAR1" + bytes(12) + b"PAR1"),
    ("a JSON list", b"[1, [2], null]"),
    ("a JSON number", b"1e999"),
    ("a deep JSON", b"[" * 100_000),
    ("a zip", b"PK\x05\x06" + bytes(18)),
    ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)),
    ("a line", b"name\n"),
    ("zeros", bytes(5000)),
    ("a table", b"a,b\n1,2\n3\n4,5,6\n"),
)


def in_another_encoding(whole: bytes, draw: random.Random) -> tuple[str, bytes]:
    kind = draw.choice(["utf-16", "latin-1", "mark", "crlf", "nul"])
    text = whole.decode("latin-1")
    made = {
        "utf-16": text.encode("utf-16"),
        "latin-1": b"\xe9\n" + whole,
        "mark": b"\xef\xbb\xbf" + whole,
        "crlf": whole.replace(b"\n", b"\r\n"),
        "nul": whole[: len(whole) // 2] + b"\0" + whole[len(whole) // 2 :],
    }
    return kind, made[kind]


def inside(path: Path, whole: bytes, draw: random.Random) -> tuple[str, bytes]:
    """A file that is read without complaint, and holds something else."""
    readers = {
        ".json": of_json, ".jsonl": of_lines, ".yaml": of_yaml, ".csv": of_table, ".tsv": of_table,
        ".parquet": of_parquet, ".npy": of_array,
    }  # fmt: skip
    made = readers.get(path.suffix)
    if made is None or not whole:
        return "empty", b""
    path.write_bytes(whole)
    try:
        return made(path, draw)
    finally:
        path.unlink()


def places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def changed(value: Any, draw: random.Random) -> tuple[str, Any]:
    """One element gone or another; shallow ones as often as deep ones."""
    every = places(value)
    depth = draw.choice(sorted({len(path) for path in every}))
    path = draw.choice([one for one in every if len(one) == depth])
    new = draw.choice(VALUES)
    if not path:
        return f"is {new!r:.40}", new
    above = value
    for key in path[:-1]:
        above = above[key]
    if draw.random() < 0.4:
        del above[path[-1]]
        return f"without {path!r:.80}", value
    above[path[-1]] = new
    return f"{path!r:.80} is {new!r:.40}", value


def of_json(path: Path, draw: random.Random) -> tuple[str, bytes]:
    done, made = changed(json.loads(path.read_text("utf-8")), draw)
    text = json.dumps(made, ensure_ascii=True)
    if draw.random() < 0.1:
        return "a number beyond all", text.replace("1", "1e999", 1).encode()
    return done, text.encode()


def of_lines(path: Path, draw: random.Random) -> tuple[str, bytes]:
    lines = path.read_text("utf-8").splitlines()
    at = draw.randrange(len(lines))
    done, made = changed(json.loads(lines[at]), draw)
    lines[at] = json.dumps(made)
    return f"line {at}: {done}", "\n".join(lines).encode()


def of_yaml(path: Path, draw: random.Random) -> tuple[str, bytes]:
    done, made = changed(yaml.safe_load(path.read_text("utf-8")), draw)
    try:
        return done, yaml.safe_dump(made).encode("utf-8")
    except UnicodeEncodeError:
        return "a lone surrogate", b'a: "\\ud800"\n'


def of_table(path: Path, draw: random.Random) -> tuple[str, bytes]:
    separator = "\t" if path.suffix == ".tsv" else ","
    rows = [line.split(separator) for line in path.read_text("utf-8").splitlines()]
    kind = draw.choice(["cell", "cell", "cell", "column", "rows", "twice", "head", "short"])
    row, column = draw.randrange(len(rows)), draw.randrange(len(rows[0]))
    if kind == "cell":
        cell = draw.choice(CELLS)
        rows[row][column % len(rows[row])] = cell
        kind = f"row {row}, column {column}: {cell[:20]!r}"
    elif kind == "column":
        rows = [line[:column] + line[column + 1 :] for line in rows]
    elif kind == "rows":
        rows = rows[:1]
    elif kind == "twice":
        rows = rows + rows[1:]
    elif kind == "head":
        rows[0][column] = rows[0][0]
    else:
        rows[row] = rows[row][:column]
    return kind, "\n".join(map(separator.join, rows)).encode("utf-8")


def of_parquet(path: Path, draw: random.Random) -> tuple[str, bytes]:
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata or {})
    kinds = [
        "column",
        "null",
        "type",
        "rows",
        "twice",
        "turned",
        "cell",
        "cell",
        "metadata",
        "bare",
    ]
    kind = draw.choice(kinds)
    number = draw.randrange(table.num_columns) if table.num_columns else 0
    name = table.column_names[number] if table.num_columns else ""
    done = f"{kind} {name}"
    if kind == "column" and table.num_columns > 1:
        table = table.drop_columns([name])
    elif kind in ("null", "cell", "type") and len(table):
        values = table.column(number).to_pylist()
        at = draw.randrange(len(values))
        new = None
        if kind == "cell":
            new = draw.choice(like(values[at]))
            done = f"{name}, row {at}: {new!r:.40}"
        values[at] = new
        if kind == "type":
            values = [str(value) for value in values]
        try:
            column = (
                pa.array(values) if kind == "type" else pa.array(values, table.field(name).type)
            )
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            column = pa.nulls(len(table))
        table = table.set_column(number, name, column)
    elif kind == "rows":
        table = table.slice(0, 0)
    elif kind == "twice":
        table = pa.concat_tables([table, table])
    elif kind == "turned":
        table = table.take(pa.array(range(len(table) - 1, -1, -1), pa.int64()))
    elif kind == "metadata" and metadata:
        key = draw.choice(sorted(metadata))
        new = draw.choice([b"x", b"", b"-1", b"\xff", b"nan", None])
        done = f"metadata {key!r}: {new!r}"
        metadata.pop(key)
        metadata |= {key: new} if new is not None else {}
        metadata.pop(b"metadata_digest", None)
    elif kind == "bare":
        metadata = {}
    table = table.replace_schema_metadata(metadata or None)
    pq.write_table(table, path)
    return done, path.read_bytes()


def like(value: Any) -> tuple[Any, ...]:
    """Values of a cell's own type that are out of place."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return -1, 2**62, value + 1
    if isinstance(value, float):
        return float("nan"), float("inf"), -5.0, 1e300
    if isinstance(value, str):
        return "", "../../x", "/dev/zero", "x" * 300, "a\nb", "<|im_end|>", "\0", "é"
    if isinstance(value, list):
        return [], value[:1] * 2, [*value, *value], value[::-1], [like(one)[0] for one in value]
    return (None,)


def of_array(path: Path, draw: random.Random) -> tuple[str, bytes]:
    array = np.load(path)
    kind = draw.choice(
        ["rows", "columns", "flat", "double", "nan", "zero", "none", "order", "whole"]
    )
    made = {
        "rows": lambda: array[: len(array) // 2],
        "columns": lambda: array[..., : max(1, array.shape[-1] // 2)],
        "flat": lambda: array.ravel(),
        "double": lambda: array.astype(np.float64),
        "nan": lambda: np.full(array.shape, np.nan, np.float32),
        "zero": lambda: np.zeros_like(array),
        "none": lambda: array[:0],
        "order": lambda: np.asfortranarray(array[::-1]),
        "whole": lambda: array.astype(np.int8),
    }[kind]()
    np.save(path, made)
    return kind, path.read_bytes()
