"""The report as one HTML page that needs nothing from outside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from gen2embed.files import read_text
from gen2embed.reporting.report.claims import Claim
from gen2embed.reporting.report.contents import Shown, cut, spans
from gen2embed.reporting.report.schedule import Schedule
from gen2embed.reporting.report.sections import Section

FILES = (
    "page.html.jinja",
    "page.css",
    "page.js",
)  # the first takes in the rest
LONG = 32  # letters of a cell from which on it may be broken
LEADING = 3  # figures on the start page: the first of these that the study has
FIRST_SHOWN = (
    "prompt_scores", "hardness_overlap", "training_dynamics", "when", "umap", "gallery", "layers",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """All that the page shows. run: (what, value) rows of what was run; parts: the sections with
    what the study has of each; doctor: a sentence where no data were downloaded."""

    experiment: str
    run: Sequence[tuple[str, str]]
    claims: Sequence[Claim]
    parts: Sequence[tuple[Section, Sequence[Shown]]]
    schedule: Schedule | None
    doctor: str
    provenance: Mapping[str, Any]

    @property
    def leading(self) -> list[Shown]:
        figures = {
            shown.product.name: shown for _, rows in self.parts for shown in rows if shown.image
        }
        return [figures[name] for name in FIRST_SHOWN if name in figures][:LEADING]


def render(study: Study) -> str:
    """The page; the same study gives the same bytes."""
    files = {name: read_text(Path(__file__).with_name(name)) for name in FILES}
    environment = Environment(
        loader=DictLoader(files),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"spans": spans, "cut": cut}
    environment.tests["long"] = lambda cell: len(cell) > LONG
    return environment.get_template(FILES[0]).render(study=study)
