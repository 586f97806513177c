"""What every figure shares: one style, four files (PDF, PNG, CSV of what is drawn, caption)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gen2embed.files import write_csv, write_text
from gen2embed.outputs import whole_file
from gen2embed.reporting.paper import answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("matplotlibrc")


@contextmanager
def style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(fname=STYLE):
        yield


def write_figure(
    folder: str | Path, name: str, figure: Figure, drawn: pd.DataFrame, caption: str
) -> None:
    """Write ``<name>.pdf``, ``.png``, ``.csv`` (the numbers drawn) and ``.md`` (the caption).

    The caption ends with what the figure answers of the paper: ``name`` is a product of paper.csv.
    The files hold no date and no version, so that two runs agree to the byte. The report reads the
    caption as reStructuredText, too: no ``@`` (it makes an e-mail address of its word).
    """
    folder = Path(folder)
    with whole_file(folder / f"{name}.pdf") as temporary:
        figure.savefig(
            temporary,
            format="pdf",
            metadata={"CreationDate": None, "Producer": None, "Creator": None},
        )
    with whole_file(folder / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    write_csv(folder / f"{name}.csv", drawn)
    write_text(folder / f"{name}.md", f"{caption} {answer(name)}\n")
