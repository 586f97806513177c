"""A model folder as ``fetch_model.py`` lays it out: which hub model it is, and an adapter with it.

``source.json`` holds ``model`` (hub id) and ``revision``. Where what was released is an adapter,
its base model stands in the folder and the adapter in ``adapter/``.
"""

from __future__ import annotations

from pathlib import Path

from gen2embed.files import read_json_object

SOURCE, ADAPTER = "source.json", "adapter"


def named(model: str, revision: str | None) -> tuple[str, str | None]:
    """Name and revision of a model for manifests: a fetched folder's hub id, else as given."""
    path = Path(model) / SOURCE
    if not path.is_file():
        return model, revision
    card = read_json_object(path, "model", "revision")
    return card["model"], card["revision"]


def released_adapter(model: str) -> str | None:
    """The PEFT folder that came with a fetched model."""
    folder = Path(model) / ADAPTER
    return str(folder) if (folder / "adapter_config.json").is_file() else None
