"""Names of the compositional benchmarks' subsets, as their published files are called.

SugarCrepe: arXiv 2306.14610 (RAIVNLab/sugar-crepe, data/<subset>.json). SugarCrepe++: arXiv
2406.11171 (Sri-Harsha/scpp, data/<subset>.json). Standard library only, since the workflow imports
it.
"""

from __future__ import annotations

SUGARCREPE, SUGARCREPE_PP = "sugarcrepe", "sugarcrepe_pp"
SUBSETS = {
    SUGARCREPE: (
        *("replace_obj", "replace_att", "replace_rel"),
        *("swap_obj", "swap_att"),
        *("add_obj", "add_att"),
    ),
    SUGARCREPE_PP: ("replace_obj", "replace_att", "replace_rel", "swap_obj", "swap_att"),
}
IMAGE_TO_TEXT, TEXT_ONLY = "image_to_text", "text_only"
TASKS = {SUGARCREPE: (IMAGE_TO_TEXT,), SUGARCREPE_PP: (IMAGE_TO_TEXT, TEXT_ONLY)}


def scored_sets() -> list[tuple[str, str, str]]:
    """(benchmark, subset, task) of every score, in the order of the tables."""
    return [
        (benchmark, subset, task)
        for benchmark, subsets in SUBSETS.items()
        for task in TASKS[benchmark]
        for subset in subsets
    ]


def score_name(benchmark: str, subset: str, task: str) -> str:
    """Path of a score below ``scores/<model>/<prompt>/``, without ``.json``."""
    return f"{benchmark}/{subset}" if benchmark == SUGARCREPE else f"{benchmark}/{task}/{subset}"
