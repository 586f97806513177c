"""Questions to a set of vectors that lies on disk: embedded as its manifest says it was. Ours."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gen2embed.errors import InputError
from gen2embed.models.embedding import Embedding, Loaded
from gen2embed.prompts.input_form import FLAGS, STOCK, form_facts
from gen2embed.prompts.items import Item
from gen2embed.settings import setting

OF_THE_SET = ("prompt", "resolution", "max_tokens", "dtype")  # flags that a manifest may stand for


def flags_for(job: argparse.Namespace, manifest: Mapping[str, Any]) -> argparse.Namespace:
    """The flags of ``embed_items.py`` under which a query shares the space of the job's vectors.

    job: with model, revision, adapter, prompt_file, role, items, embeddings, and OF_THE_SET, each
    None where it is the manifest's; manifest: that one, {} where there is none.
    Raises InputError where neither tells one of OF_THE_SET.
    """
    known = {**manifest, "resolution": (manifest.get("resolution") or {}).get("name")}
    made = {}
    for name in OF_THE_SET:
        given = getattr(job, name)
        made[name] = known.get(name) if given is None else given
        flag = f"--{name.replace('_', '-')}"
        if made[name] is None:
            raise InputError(
                f"{job.embeddings}: no manifest beside it tells the {name.replace('_', ' ')} its "
                f"items were embedded with; give {flag}"
            )
        if name in ("max_tokens", "dtype"):
            setting("embed", name).check(made[name])
    least, most = manifest.get("pixel_limits") or (None, None)
    forms = form_facts(STOCK) | dict(manifest.get("input") or {})
    return argparse.Namespace(
        **{name: getattr(job, name) for name in ("model", "revision", "adapter", "prompt_file")},
        **made, **{FLAGS.get(name, name): value for name, value in forms.items()},
        items=job.items, role=job.role, merge=True, vision_wrapper=None, shard="1/1", window=1,
        min_pixels=least, max_pixels=most, round_vectors=bool(manifest.get("round_vectors")),
    )  # fmt: skip


def ask(
    job: Embedding, loaded: Loaded, items: Sequence[Item], root: Path, device: str
) -> tuple[np.ndarray, dict[str, Any]]:
    """Unit vectors of the queries, float32, shape (items, dim), and what a manifest would tell.

    Raises InputError for a query that cannot be embedded, such as a broken image.
    """
    from gen2embed.models.encoding.encoder import encode, plan_items

    flags = job.flags
    backbone = loaded.get(job, device)
    planned = plan_items(
        backbone, items, job.prompt, job.resolution, root, flags.max_tokens, "query"
    )
    tokens = sum(plan.tokens for plan in planned)
    vectors = encode(
        backbone, planned, job.resolution, tokens, device, "query", source="query",
        round_vectors=flags.round_vectors,
    )  # fmt: skip
    return vectors, job.manifest(backbone)
