"""JSON that one stage writes and another reads: what must be in it for the reader to find its way.

A file of ours always has it; one that was edited, cut, or written by an older version ends in a
line that names the place. More than what is named here may be there. Ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gen2embed.errors import InputError
from gen2embed.settings import Validator
from gen2embed.text_files import read_json

NUMBER, COUNT, TEXT = {"type": "number"}, {"type": "integer", "minimum": 0}, {"type": "string"}
NUMBER_OR_NONE = {"type": ["number", "null"]}


def _object(**properties: Any) -> dict[str, Any]:
    """With all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _of(kind: Any) -> dict[str, Any]:
    """An object whose every value is of the kind."""
    return {"type": "object", "additionalProperties": kind}


def _ends(*names: str) -> dict[str, Any]:
    return {f"{name}{end}": NUMBER_OR_NONE for name in names for end in ("", "_ci_low", "_ci_high")}


_COUNTS = (
    "pairs", "queries", "targets", "searches", "clusters", "clusters_phase_1", "clusters_phase_2",
    "singles", "dropped_queries", "left_out_pairs", "negatives", "owner_taken", "passed_over",
)  # fmt: skip
_SPREAD = _object(**dict.fromkeys(("mean", "q05", "q25", "q50", "q75", "q95"), NUMBER)) | {
    "type": ["object", "null"]
}
_BIN = _object(low=NUMBER, high=NUMBER, negatives=COUNT, rate=NUMBER_OR_NONE,
               ci_low=NUMBER_OR_NONE, ci_high=NUMBER_OR_NONE)  # fmt: skip
RATES_ROW = _object(
    clusters=COUNT, negatives=COUNT, false_negatives=COUNT,
    by_hardness={"type": "array", "items": _BIN},
    **_ends("overall", "in_clusters", "equal_hardness", "hardness_mean", "minimal_pairs",
            "clusters_with_minimal"),
    **dict.fromkeys(("overlap_false", "overlap_minimal", "overlap_others"), NUMBER_OR_NONE),
)  # fmt: skip
_DIFFERENCE = _object(first=TEXT, second=TEXT, measure=TEXT, value=NUMBER, ci_low=NUMBER,
                      ci_high=NUMBER)  # fmt: skip
_RATES = {
    "known": COUNT, "strategies": _of(RATES_ROW),
    "differences": {"type": "array", "items": _DIFFERENCE},
}  # fmt: skip

STATISTICS = _object(
    **dict.fromkeys(_COUNTS, COUNT), cluster_sizes=_of(COUNT), hardness=_SPREAD, overlap=_SPREAD,
    positive_rank=_object(
        **dict.fromkeys(("searched_anchors", "top_1", "top_5", "top_10"), COUNT)
    ),
)  # fmt: skip
_MEAN = {**_object(mean=NUMBER), "type": ["object", "null"]}
POOLED = _object(  # of the statistics, what is added up over subsets
    **dict.fromkeys(
        ("pairs", "clusters", "clusters_phase_2", "dropped_queries", "negatives"), COUNT
    ),
    hardness=_MEAN, overlap=_MEAN,
)  # fmt: skip
SEARCHED = _object(search=_object(exact={"type": "boolean"}))  # of strategies that search
RATES = _object(**_RATES, pooled={"type": "array", "items": TEXT}, tasks=_of(_object(**_RATES)))
CARD = _object(parameters=COUNT, held_out_loss=_of(NUMBER), first_word_accuracy=_of(NUMBER))
QUESTIONS = {
    "type": "array", "minItems": 1,
    "items": _object(task=TEXT, text=TEXT, right={"type": "array", "items": TEXT}),
}  # fmt: skip
ANSWERS = {
    "type": "array", "minItems": 1,
    "items": _object(task=TEXT, text=TEXT, answer=TEXT, is_right={"type": "boolean"}),
}  # fmt: skip
LEADERBOARD = _object(aggregates={"type": "object"}, metrics=_of(_of({"type": "object"})))
PROVENANCE = _object(revision=TEXT)


def read_described(path: str | Path, wanted: Mapping[str, Any], remedy: str) -> Any:
    """The JSON file's value. Raises InputError for the first place that is not as ``wanted``.

    remedy: what makes the file again, such as "mine again".
    """
    value = read_json(path)
    faults = sorted(
        Validator(wanted).iter_errors(value), key=lambda fault: list(map(str, fault.path))
    )
    if faults:
        where = "".join(f"{part}: " for part in faults[0].absolute_path)
        reason = faults[0].message
        raise InputError(
            f"{path}: {where[:200]}{reason if len(reason) < 120 else reason[-120:]}; {remedy}"
        )
    return value
