"""Loss and gradient norm along the training, from the adapters' logs, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gen2embed.errors import InputError
from gen2embed.reporting.runs import RunName
from gen2embed.reporting.tables.adapter_cards import LOG
from gen2embed.text_files import read_json_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = {"loss": "loss (InfoNCE)", "grad_norm": "gradient norm, unclipped"}
SMOOTHED = 0.1  # of the steps: width of the moving mean that is drawn over the steps' own values


def read_curves(adapters: str | Path, name: RunName, seeds: Sequence[int]) -> pd.DataFrame:
    """One run's curves: run, aggregate (of CURVES), step, value (mean over seeds), ci_low and
    ci_high (least and greatest of the seeds), seeds.

    Raises InputError for a log that is missing, or whose steps are another seed's not.
    """
    logs = []
    for folder in name.folders(adapters, seeds):
        path = folder / LOG
        if not path.is_file():
            raise InputError(f"{path}: no such file; train the adapter first")
        lines = pd.DataFrame(read_json_lines(path, "step", *CURVES)).set_index("step")
        if logs and not lines.index.equals(logs[0].index):
            raise InputError(f"{path}: has other steps than the log of seed {seeds[0]}")
        logs.append(lines)
    parts = []
    for curve in CURVES:
        values = np.stack([log[curve].to_numpy(dtype=np.float64) for log in logs])
        facts = {"run": name.label, "aggregate": curve, "seeds": len(seeds)}
        numbers = {"value": values.mean(0), "ci_low": values.min(0), "ci_high": values.max(0)}
        parts.append(pd.DataFrame({"step": logs[0].index, **numbers}).assign(**facts))
    return pd.concat(parts, ignore_index=True)


def moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean of so many neighbours, fewer at the ends: shape (n,)."""
    window = np.ones(max(1, width))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def draw_curve(axes: Axes, frame: pd.DataFrame, runs: Sequence[str]) -> None:
    """Each run's moving mean over a thin line of the steps' values; the band is the seeds' span.

    frame: one curve's rows of ``read_curves``, of all runs; the axis is logarithmic.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    for number, run in enumerate(runs):
        rows = frame[frame["run"] == run].sort_values("step")
        width = round(SMOOTHED * len(rows)) | 1  # odd: as far back as ahead
        smooth = moving_mean(rows["value"].to_numpy(), min(width, len(rows)))
        axes.plot(rows["step"], rows["value"], color=f"C{number}", lw=0.5, alpha=0.4)
        axes.plot(rows["step"], smooth, color=f"C{number}", lw=1.4, label=run)
        if rows["seeds"].iloc[0] > 1:
            axes.fill_between(
                rows["step"], rows["ci_low"], rows["ci_high"], color=f"C{number}", alpha=0.15, lw=0
            )
    if (frame["value"] > 0).all():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")  # the log axis' own are formulas, which are off
        axes.yaxis.set_minor_formatter(NullFormatter())
