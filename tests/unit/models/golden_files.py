"""What the golden files hold, how they are written, and when a value counts as another."""

import json
import textwrap
from pathlib import Path

from unit.models.golden_plain import Run

GOLDEN = Path(__file__).with_name("golden")
ATOL = 2e-3  # between components of a unit vector, for other machines


def recorded(run: Run) -> dict:
    """A run as JSON has it: of the pixels their grid and shape, of the vector its beginning."""
    pixels = dict(run.pixels)
    values = pixels.pop("pixel_values", None)
    return {
        "rendered": run.rendered,
        "ids": run.ids.tolist(),
        "tokens": run.tokens,
        "positions": run.positions.tolist(),
        "grid": {name: one.tolist() for name, one in sorted(pixels.items())},
        "pixel_values": None if values is None else list(values.shape),
        "pooled": run.pooled,
        "vector": [round(value, 4) for value in run.vector[:6].tolist()],
    }


def differences(found: dict, golden: dict) -> list[str]:
    """The names of an item's values that differ."""
    pairs = zip(found["vector"], golden["vector"], strict=True)
    off = max(abs(one - other) for one, other in pairs)
    names = [name for name in golden if name != "vector" and found[name] != golden[name]]
    return names + ["vector"] * (off > ATOL)


def path_of(kind: str, form: str) -> Path:
    return GOLDEN / f"{kind}_{form}.json"


def load_golden(kind: str, form: str) -> dict[str, dict]:
    """Name of the item -> its golden values; empty where there is no file."""
    path = path_of(kind, form)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def as_text(golden: dict[str, dict]) -> str:
    """JSON in which long lists are paragraphs."""
    items = []
    for name, values in golden.items():
        lines = [f'  "{key}":{_value(value)}' for key, value in values.items()]
        items.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(items) + "\n}\n"


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list) or len(text) < 80:
        return f" {text}"
    wrap = textwrap.TextWrapper(96, break_long_words=False, break_on_hyphens=False)
    rows = text.replace("], [", "],\n[").split("\n")
    return "".join(f"\n    {line}" for row in rows for line in wrap.wrap(row))
