"""The adapter's model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gen2embed.artifacts.rows_taken import dropped_of, rows_dropped

CARD = """---
library_name: peft
base_model: {model}
---
# Adapter: {strategy} clusters under `{prompt}`

A LoRA adapter of {trained_parameters:,} parameters, trained with InfoNCE over whole clusters
(arXiv 2508.00955, section on SaHa). Loss {first_loss:.4f} at step 1, {last_loss:.4f} at the last;
{pairs_seen:,} pairs seen, {queries_trained:,} queries trained, {items_encoded:,} items encoded.

| setting | value |
|---|---|
{settings}

| subset | strategy | mined under | pairs, taken of all | clusters, taken of all |
|---|---|---|---|---|
{clusters}
{dropped}"""


def render_card(card: Mapping[str, Any]) -> str:
    """README.md of the adapter from its ``card.json``."""
    strategies = sorted({str(value["strategy"]) for value in card["clusters"].values()})
    settings = {**card["settings"], **card["versions"]}
    dropped = {name: dropped_of(item) for name, item in card["clusters"].items()}
    by_subset = ", ".join(f"{name} {count}" for name, count in dropped.items() if count)
    return CARD.format(
        **{key: card[key] for key in card if key not in ("settings", "clusters", "versions")},
        strategy=", ".join(strategies),
        settings="\n".join(f"| {name} | {value} |" for name, value in settings.items()),
        clusters="\n".join(
            f"| {name} | {item['strategy']} | {item['prompt'] or '-'} "
            f"| {item['pairs_taken']} of {item['pairs']} "
            f"| {item['clusters_taken']} of {item['clusters']} |"
            for name, item in card["clusters"].items()
        ),
        dropped=rows_dropped(sum(dropped.values()), f"\n{{}} as bad: {by_subset}.\n"),
    )
