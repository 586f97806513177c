"""Reading and writing the artifacts of docs/data_dictionary.md: whole or not at all, no pickle."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
import resource
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gen2embed.artifacts.columns import in_types_of_the_dictionary
from gen2embed.errors import InputError
from gen2embed.outputs import whole_file
from gen2embed.text_files import check_file as check_file
from gen2embed.text_files import check_numbers as check_numbers
from gen2embed.text_files import read_json as read_json
from gen2embed.text_files import read_json_lines as read_json_lines
from gen2embed.text_files import read_json_object as read_json_object
from gen2embed.text_files import read_text as read_text
from gen2embed.text_files import read_yaml as read_yaml
from gen2embed.text_files import reading as reading

UNIT_LENGTH_TOLERANCE = 1e-3
_CHECK_ROWS = 65536
METADATA_SUM = "metadata_digest"  # of a parquet file's metadata, beside them
SMALL_FILES = (".json", ".txt", ".model", ".jinja")


def write_text(path: str | Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Sorted keys, two spaces, a final newline; NaN is refused, since it is not JSON."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_csv(path: str | Path, frame: pd.DataFrame) -> None:
    """A frame without its index; floats as written by ``repr``, so that nothing is lost."""
    with whole_file(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def read_csv(path: str | Path, columns: Sequence[str], separator: str = ",") -> pd.DataFrame:
    """A CSV file with all its columns; texts stay texts ("" is not NaN, "true" is no bool).

    Raises InputError when the file is missing or lacks a column.
    """
    text = read_text(path)
    with reading(path, "CSV"), warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with too many values
        header = next(csv.reader(io.StringIO(text), delimiter=separator))
        frame = pd.read_csv(
            io.StringIO(text), dtype="str", keep_default_na=False, sep=separator, index_col=False
        )
    if len(set(header)) < len(header):
        raise InputError(f"{path}: a column stands there twice; leave one out")
    short = frame.isna().any(axis=1).to_numpy()
    if short.any():
        raise InputError(f"{path}: row {short.argmax()}: has too few values; write it again")
    missing = [name for name in columns if name not in frame]
    if missing:
        raise InputError(f"{path}: column {missing[0]!r} is missing; see docs/data_dictionary.md")
    return frame


def as_numbers(path: str | Path, frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The frame of a CSV file with these columns as numbers ("" is NaN), others as they are.

    Raises InputError for the first cell that is none, with its row.
    """
    made = {}
    for name in names:
        made[name] = pd.to_numeric(frame[name].replace("", "nan"), errors="coerce")
        made[name] = made[name].replace([np.inf, -np.inf], np.nan)  # 1e999, too
        wrong = (made[name].isna() & ~frame[name].str.lower().isin(["", "nan"])).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            shown = frame[name].iat[row]
            raise InputError(f"{path}: row {row}: {name} is {shown!r:.40}, no number")
        if frame[name].str.fullmatch(r"-?\d+").all():
            made[name] = made[name].astype("int64")
    return frame.assign(**made)


def write_parquet(
    path: str | Path, frame: pd.DataFrame | pa.Table, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a frame without its index; ``metadata`` becomes the file's key-value metadata.

    With a checksum of it beside it: parquet has one of its columns' pages alone.
    """
    table = frame
    if isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    if metadata:
        summed = dict(metadata) | {METADATA_SUM: digest_facts(dict(metadata))}
        table = table.replace_schema_metadata(summed)
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def read_parquet(
    path: str | Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read the named columns, those of the optional ones that are there, and the file's metadata.

    Columns of the data dictionary come in its type whichever writer stored them (``columns.py``);
    an index that pandas stored is a column like others. Raises InputError when the file is missing,
    is not parquet, or lacks a column, and for values that its type does not allow.
    """
    with reading(path, "parquet"), pq.ParquetFile(path, page_checksum_verification=True) as file:
        have = file.schema_arrow.names
        missing = [name for name in columns if name not in have]
        if missing:
            raise InputError(
                f"{path}: column {missing[0]!r} is missing (it has: {', '.join(have)}); "
                "see docs/data_dictionary.md"
            )
        columns = [*columns, *(name for name in optional if name in have)]
        twice = [name for name in columns if have.count(name) > 1]
        if twice:
            raise InputError(f"{path}: column {twice[0]!r} is there twice; leave one out")
        raw = file.schema_arrow.metadata or {}
        metadata = {key.decode(): value.decode() for key, value in raw.items()}
        stated = metadata.pop(METADATA_SUM, None)
        if stated is not None and stated != digest_facts(metadata):
            raise InputError(f"{path}: its metadata are damaged (another sum); make it again")
        table = file.read(columns=list(columns))
        table.validate(full=True)
        frame = in_types_of_the_dictionary(table, path).to_pandas(ignore_metadata=True)
    return frame[list(columns)], metadata


def count_rows(path: str | Path) -> int:
    """Rows of a parquet file, by its footer."""
    with reading(path, "parquet"):
        return pq.read_metadata(path).num_rows


def read_npy(path: str | Path, mmap_mode: str | None = None) -> np.ndarray:
    """An array of an npy file; Raises InputError for pickles, and for archives of several (npz)."""
    with reading(path, "npy"):
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it is an archive of arrays")
        return array


def load_embeddings(path: str | Path) -> np.ndarray:
    """Memory-map an embedding matrix, shape (n_items, dim), float32 or float16.

    Raises InputError when the file is missing, pickled, truncated, of another type or shape, or
    when a row is not finite or not of unit length within 1e-3. Rows that ``<name>.valid.npy``
    marks as not valid must be zero.
    """
    path = Path(path)
    vectors = read_npy(path, mmap_mode="r")
    if vectors.ndim != 2 or vectors.dtype not in (np.float32, np.float16):
        raise InputError(
            f"{path}: holds {vectors.dtype} of shape {vectors.shape}; embeddings are float32 or "
            "float16 of shape (n_items, dim)"
        )
    valid = _load_valid(path, len(vectors))
    for start in range(0, len(vectors), _CHECK_ROWS):
        block = np.asarray(vectors[start : start + _CHECK_ROWS], dtype=np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        expected = valid[start : start + len(block)].astype(np.float32)
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(norms - expected) <= UNIT_LENGTH_TOLERANCE)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            fault = (
                "is not finite" if not np.isfinite(norms[row]) else f"has length {norms[row]:.4f}"
            )
            raise InputError(
                f"{path}: row {start + row} {fault}; embeddings are finite and of length 1 "
                "(0 only where the .valid.npy file says so): normalise them first"
            )
    return vectors


def _load_valid(path: Path, n_items: int) -> np.ndarray:
    valid_path = path.with_suffix(".valid.npy")
    if not valid_path.exists():
        return np.ones(n_items, dtype=bool)
    valid = read_npy(valid_path)
    if valid.shape != (n_items,) or valid.dtype != np.bool_:
        raise InputError(f"{valid_path}: must be {n_items} booleans, one per row of {path.name}")
    return valid


def load_valid(path: str | Path, n_items: int) -> np.ndarray:
    """Which rows of the embedding file ``path`` are usable: bool, shape (n_items,)."""
    return _load_valid(Path(path), n_items)


def write_npy(path: str | Path, array: np.ndarray) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_embeddings(
    path: str | Path, vectors: np.ndarray | Sequence[np.ndarray], valid: np.ndarray
) -> None:
    """Write vectors, and beside them ``<name>.valid.npy`` where a row is not valid.

    vectors: (n_items, dim), or parts of it one after another, which are never all in memory.
    """
    parts = [vectors] if isinstance(vectors, np.ndarray) else list(vectors)
    shape = (sum(map(len, parts)), parts[0].shape[1])
    beside = Path(path).with_suffix(".valid.npy")
    beside.unlink(missing_ok=True)
    if not valid.all():
        write_npy(beside, valid)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        facts = {"descr": parts[0].dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, facts)
        for part in parts:
            np.ascontiguousarray(part).tofile(file)


def digest_file(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    check_file(path)
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_facts(facts: Mapping[str, Any]) -> str:
    """Of what can be written as JSON: 32 hexadecimal digits, whatever the order of the keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def weight_names(names: Iterable[str]) -> list[str]:
    """Of the names of a folder's files those of the weights that are loaded, sorted.

    safetensors, and torch's pickles (.bin) where a model, or an adapter, has none.
    """
    names = sorted(names)

    def like(*patterns: str) -> list[str]:
        return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]

    chosen = like("*.safetensors")
    if not like("model*.safetensors"):
        chosen += like("pytorch_model.bin", "pytorch_model-*.bin")
    if not like("adapter_model*.safetensors"):
        chosen += like("adapter_model.bin")
    return sorted(chosen)


def digest_folder(folder: str | Path | None) -> str | None:
    """Digest of a local folder's weights, and of ``adapter/``'s, or of a file; None for a hub id.

    A hub id is identified by its revision.
    """
    if folder is not None and Path(folder).is_file():
        return digest_file(folder)
    if folder is None or not Path(folder).is_dir():
        return None
    folders = [Path(folder), Path(folder) / "adapter"]
    weights = [
        where / name for where in folders for name in weight_names(p.name for p in where.glob("*"))
    ]
    digests = [digest_file(path) for path in sorted(weights)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def digest_small_files(folder: str | Path) -> str | None:
    """Digest of a local folder's files that are no weights: configuration, tokenizer, processor.

    Of a single file (GGUF) all of it; None for a hub id.
    """
    if Path(folder).is_file():
        return digest_file(folder)
    if not Path(folder).is_dir():
        return None
    small = [path for path in sorted(Path(folder).iterdir()) if path.suffix in SMALL_FILES]
    listing = "".join(f"{path.name} {digest_file(path)}\n" for path in small)
    return hashlib.sha256(listing.encode()).hexdigest()


def package_versions(*names: str) -> dict[str, str]:
    """Installed versions of the named distributions ("absent" where there is none)."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


@contextmanager
def run_record(path: str | Path) -> Iterator[dict[str, Any]]:
    """Write ``<name>.run.json``: what may differ between two runs (host, times, memory, rates).

    Yields a dict to which the caller may add; it is written when the block ends well.
    """
    record: dict[str, Any] = {"host": platform.node(), "started": time.strftime("%FT%T%z")}
    start = time.perf_counter()
    yield record
    record["seconds"] = round(time.perf_counter() - start, 3)
    record["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    write_json(path, record)
