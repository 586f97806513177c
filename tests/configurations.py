"""Configurations as Snakemake makes them: config.yaml, what overlays share, the overlay."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def merge(base: dict, over: dict) -> dict:
    """As Snakemake lays a --configfile over config.yaml: mappings merge, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        inner = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if inner else value
    return merged


def configured(overlay: str | None = None) -> dict:
    """The default study, or with an overlay of configs/ and its ``base`` laid over it."""
    config = load("config.yaml")
    own = load(f"configs/{overlay}.yaml") if overlay else {}
    for shared in own.pop("base", []):
        config = merge(config, load(shared))
    return merge(config, own)
