"""Host memory of a training: bytes an item that is planned, bytes an image on its way.

python tests/bench/bench_memory.py [--items 100000]

A tiny Qwen2-VL of the real class, texts of MMEB's usual length, images squashed to 448 x 448 as the
paper trains. objects: a list of planned items; counted: columns and counts, the first time counted
and then from the file. Each in a process of its own: what it keeps, and its peak, beyond the model.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]
TEXT = "<|image_1|>\nRepresent the given image with the question: what is number {row} in it?"


def write_items(folder: Path, count: int) -> None:
    from gen2embed.files import write_parquet

    texts = [TEXT.format(row=row) for row in range(count)]
    frame = pd.DataFrame({"item_id": range(count), "text": texts, "image_path": "images/0.png"})
    write_parquet(folder / "items.parquet", frame)


def load(folder: Path):
    from gen2embed.models.backbones import load_backbone

    return load_backbone(str(folder / "model"), None, "fp32", "cpu")


def memory(name: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measure(how: str, folder: Path) -> None:
    from gen2embed.models.encoding.token_counts import Recipe, counted
    from gen2embed.prompts.items import read_items
    from gen2embed.prompts.registry import get_prompt
    from gen2embed.prompts.resolutions import get_resolution

    backbone = load(folder)
    prompt, size = get_prompt("hierarchical"), get_resolution("train_448")
    before = memory("VmRSS")
    path = str(folder / "items.parquet")
    items = read_items(path, "query")
    inputs = Recipe(backbone, items, prompt, size, folder, 1024, path)
    if how == "objects":
        kept = [list(items), inputs.plan(0, len(items))]
    else:
        kept = [items, counted(inputs, folder / "counts.npy", "count")]
    assert len(kept[1]) == len(items)
    print(memory("VmRSS") - before, memory("VmHWM") - before)


def bytes_of_image(folder: Path) -> list[int]:
    """Of one image on its way from a worker: as bytes, and as the processor's floats."""
    from gen2embed.models.pixel_limits import PixelLimits

    backbone = load(folder)
    backbone.limit_pixels(PixelLimits(3136, 12845056))
    picture = [Image.fromarray(np.zeros((448, 448, 3), dtype=np.uint8))]
    batches = [backbone.collate([backbone.image_token], picture, [True], one) for one in (1, 0)]
    return [sum(one.numel() * one.element_size() for one in batch.values()) for batch in batches]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--how", help="of a process that this program starts")
    parser.add_argument("--folder", type=Path)
    flags = parser.parse_args()
    if flags.how:
        measure(flags.how, flags.folder)
        return
    from unit.backbones import save_backbone

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_backbone("qwen2_vl", folder / "model")
        write_items(folder, flags.items)
        for how in ("objects", "counted", "counted"):
            command = [sys.executable, __file__, "--how", how, "--folder", name]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            kept, peak = (int(one) / flags.items for one in told.split()[-2:])
            print(f"{how}: {kept:.0f} bytes an item kept, {peak:.0f} at the peak")
        compact, floats = bytes_of_image(folder)
        print(f"an image of 448 x 448: {compact} bytes on its way, {floats} as floats")


if __name__ == "__main__":
    main()
