"""What can be wrong with rows: pure checks of MMEB's schemas, each a finding with its first row.

An error would stop a later stage or falsify its result; a warning is something to know beside a
score; a note is ordinary data that looks odd. Images on disk: ``gen2embed.data.image_checks``;
rows that may be left out for an error: ``gen2embed.data.bad_rows``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gen2embed.below import is_below
from gen2embed.data.mmeb import flatten
from gen2embed.prompts.mark import IMAGE_MARK

ERROR, WARNING, NOTE = SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One check that found something: how many rows, and the first of them (-1: the whole set).

    faults: of an error in rows, what is wrong with each of them, by row; of others empty.
    """

    check: str
    severity: str
    count: int
    row: int
    wording: str
    faults: Mapping[int, str] = field(default_factory=dict, compare=False, repr=False)


def _found(check: str, severity: str, rows: np.ndarray, wording: str) -> list[Finding]:
    """A finding for the given rows (int, ascending), or none."""
    if not len(rows):
        return []
    faulty = np.unique(rows)
    faults = dict.fromkeys(faulty.tolist(), wording) if severity == ERROR else {}
    return [Finding(check, severity, len(faulty), int(rows[0]), wording, faults)]


def check_row_count(rows: int, expected: int | None) -> list[Finding]:
    """expected: the published number; None = not checked."""
    if rows == 0:
        return [Finding("row_count", ERROR, 0, -1, "there are no rows")]
    if expected is None or rows == expected:
        return []
    return [Finding("row_count", ERROR, rows, -1, f"{rows} rows instead of {expected}")]


def check_items(
    texts: pd.Series, images: pd.Series, side: str, rows: np.ndarray | None = None
) -> list[Finding]:
    """Texts and image paths of one side; rows: the row of each item (default: its position).

    A mark without an image is ordinary (WebQA, EDIS), also several of them; an image with several
    marks is not: the encoder could not tell where it stands.
    """
    texts, images = texts.reset_index(drop=True), images.reset_index(drop=True)
    rows = np.arange(len(texts)) if rows is None else rows
    blank = (texts.str.strip() == "").to_numpy()
    without = (images == "").to_numpy()
    marks = texts.str.count(re.escape(IMAGE_MARK)).to_numpy()
    unsafe = images.map(_unsafe).to_numpy(dtype=bool)
    return [
        *_found("empty_item", ERROR, rows[blank & without], f"{side} without text and image"),
        *_found("several_marks", ERROR, rows[(marks > 1) & ~without],
                f"{side} with several marks of its image"),
        *_found("path", ERROR, rows[unsafe], f"{side} image path leads out of its folder"),
        *_found("empty_text", WARNING, rows[blank & ~without], f"{side} text empty"),
        *_found("image_without_mark", WARNING, rows[(marks == 0) & ~blank & ~without],
                f"{side} image without a mark: it goes first"),
        *_found("mark_without_image", NOTE, rows[(marks > 0) & without],
                f"{side} with an image mark but no image"),
        *_found("several_marks", NOTE, rows[(marks > 1) & without],
                f"{side} with several image marks but no image"),
    ]  # fmt: skip


def _unsafe(path: str) -> bool:
    return path != "" and not is_below(path)


def check_training(frame: pd.DataFrame) -> list[Finding]:
    """Columns qry, qry_image_path, pos_text, pos_image_path."""
    again = np.flatnonzero(frame.duplicated().to_numpy())
    return [
        *check_items(frame["qry"], frame["qry_image_path"], "query"),
        *check_items(frame["pos_text"], frame["pos_image_path"], "target"),
        *_found("duplicate_pair", WARNING, again, "pairs that stand there before"),
    ]


def check_evaluation(frame: pd.DataFrame) -> list[Finding]:
    """Columns qry_text, qry_img_path (strings), tgt_text, tgt_img_path (lists)."""
    findings = check_items(frame["qry_text"], frame["qry_img_path"], "query")
    sizes = frame["tgt_text"].map(len).to_numpy()
    images = frame["tgt_img_path"].map(len).to_numpy()
    empty, uneven = np.flatnonzero(sizes == 0), np.flatnonzero(sizes != images)
    findings += _found("candidates", ERROR, empty, "no candidates")
    findings += _found("candidates", ERROR, uneven, "tgt_text and tgt_img_path of unequal length")
    if len(empty) or len(uneven):
        return findings
    texts, _ = flatten(frame["tgt_text"])
    paths, _ = flatten(frame["tgt_img_path"])
    items = pd.DataFrame({"text": texts, "image": paths}, dtype="str")
    row_of = np.repeat(np.arange(len(frame)), sizes)
    findings += check_items(items["text"], items["image"], "candidate", row_of)
    ids = items.groupby(["text", "image"], sort=False).ngroup().to_numpy()
    firsts = np.cumsum(sizes) - sizes
    positives = ids[firsts]
    others = np.ones(len(ids), dtype=bool)
    others[firsts] = False
    repeated = row_of[others & (ids == positives[row_of])]
    findings += _found("positive_repeated", WARNING, repeated, "entry 0 again among its candidates")
    if len(frame) > 1 and (positives == positives[0]).all():
        findings.append(
            Finding("same_positive", WARNING, len(frame), 0, "the same entry 0 in every row")
        )
    queries = frame[["qry_text", "qry_img_path"]].assign(positive=positives)
    again = np.flatnonzero(queries.duplicated().to_numpy())
    findings += _found(
        "duplicate_pair", WARNING, again, "query and entry 0 that stand there before"
    )
    return findings


def used_images(frame: pd.DataFrame, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Every image path that stands in a data set, queries' before targets', and its row.

    Paths of shape (uses,), object; rows int64. A path occurs as often as it is used.
    """
    if part == "train":
        columns = [frame["qry_image_path"], frame["pos_image_path"]]
        paths = pd.concat(columns, ignore_index=True)
        rows = np.tile(np.arange(len(frame)), 2)
    else:
        flat, sizes = flatten(frame["tgt_img_path"])
        paths = pd.concat([frame["qry_img_path"], pd.Series(flat, dtype="str")], ignore_index=True)
        rows = np.concatenate([np.arange(len(frame)), np.repeat(np.arange(len(frame)), sizes)])
    named = (paths != "").to_numpy()
    return paths[named].to_numpy(dtype=object), rows[named]


def errors(findings: Sequence[Finding]) -> list[Finding]:
    return of_severity(findings, ERROR)


def of_severity(findings: Sequence[Finding], severity: str) -> list[Finding]:
    return [finding for finding in findings if finding.severity == severity]
