"""A training step against what the field does: python tests/bench/bench_training.py --results DIR

The same adapted model, batch and loss in each variant, each in a process of its own, one thread;
preparing the inputs (tokens, pixels) is left out, since it can be done ahead.

plain: all activations kept. cached: gradient caching as train_adapter.py does it. reference: as
programs of the field do it: right-padded chunks of 4 in the data's order, queries and targets
apart, logits computed, vision in both passes, repeated items again. sentence-transformers (where it
is installed): its cached loss, same model and batch, chunks as large as ours, in the data's order.

--results: folder of a finished mini experiment (model, pairs, clusters, images). --device cuda: a
Qwen2-VL-2B of random weights, 448x448 images, bf16. --flops: floating-point operations, counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import machine

from gen2embed.mini.generator.architecture import (
    Shape,
    build_model,
    build_processor,
    build_tokenizer,
)
from gen2embed.models.backbones import load_backbone
from gen2embed.models.encoding.encoder import plan_items
from gen2embed.models.shortcuts.image_features import with_image_features
from gen2embed.models.shortcuts.prefix import narrow_to_last_token
from gen2embed.prompts.input_form import STOCK, form_facts
from gen2embed.prompts.items import Item
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution
from gen2embed.training.adapter import AdapterShape, add_adapter
from gen2embed.training.batches import draw_batches, pairs_of
from gen2embed.training.caching import encode_chunks
from gen2embed.training.inputs import read_inputs
from gen2embed.training.loss import info_nce
from gen2embed.training.pairs import PairCollator

VARIANTS = ("plain", "cached", "reference", "sentence-transformers")
SHAPE_2B = Shape(
    hidden=1536, layers=28, heads=12, kv_heads=2, intermediate=8960,
    vision_width=1280, vision_depth=32, vision_heads=16, patch=14,
)  # fmt: skip
VOCABULARY_2B = 151936
WORDS = [f"word{i}" for i in range(500)]
TEMPERATURE, REFERENCE_CHUNK = 0.02, 4


@dataclass
class Case:
    """An adapted model, a batch of pairs, and a collator of ours for it."""

    collate: PairCollator
    model: Any
    clusters: list[np.ndarray]
    device: str

    @property
    def backbone(self) -> Any:
        return self.collate.backbone


def collator(backbone: Any, query_id, target_id, items, root, resolution, chunk, budget, tokens):
    resolution = get_resolution(resolution)
    queries, targets = (
        plan_items(backbone, one, get_prompt("hierarchical"), resolution, root, tokens, "items")
        for one in items
    )
    return PairCollator(
        backbone=backbone, query_id=query_id, target_id=target_id, queries=queries,
        targets=targets, resolution=resolution, processes=1, mode="clusters", positives=None,
        chunk=chunk, token_budget=budget,
    )  # fmt: skip


def adapted(backbone: Any, dropout: float) -> Any:
    torch.manual_seed(0)
    return add_adapter(backbone, AdapterShape(8, 64, dropout, True)).train()


def mini_case(job: argparse.Namespace) -> Case:
    """The finished mini experiment's model and a batch of its SaHa clusters."""
    results = Path(job.results)
    names = sorted(path.stem for path in (results / "clusters/saha").glob("*.parquet"))
    inputs = read_inputs(
        [str(results / f"pairs/{name}.parquet") for name in names],
        [str(results / f"clusters/saha/{name}.parquet") for name in names],
        str(results / "items/train_query.parquet"),
        str(results / "items/train_target.parquet"),
        None, form_facts(STOCK), 1.0, 0, 0,
    )  # fmt: skip
    backbone = load_backbone(str(results / "generator"), None, "fp32", "cpu")
    collate = collator(
        backbone, inputs.query_id, inputs.target_id, (inputs.query_items, inputs.target_items),
        results / "data/train", "native", job.chunk, job.token_budget, 1024,
    )  # fmt: skip
    (clusters,) = draw_batches(inputs.clusters, job.pairs, 1, 0)
    return Case(collate, adapted(backbone, 0.1), clusters, "cpu")


def random_case(job: argparse.Namespace, shape: Shape, vocabulary: int, side: int) -> Case:
    """Random weights of a shape; image to text for half of the pairs, text to image else."""
    from PIL import Image

    from gen2embed.models.backbones.qwen2_vl import Qwen2VL

    rng = np.random.default_rng(0)
    folder = Path(tempfile.mkdtemp())
    for i in range(job.pairs):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png", compress_level=1)
    texts = [" ".join(rng.choice(WORDS, rng.integers(5, 60))) for _ in range(job.pairs)]
    seen = [Item("", f"{i}.png", "query") for i in range(job.pairs)]
    read = [Item(text, "", "query") for text in texts]
    half = job.pairs // 2
    sides = (seen[:half] + read[half:], read[:half] + seen[half:])
    tokenizer = build_tokenizer([*WORDS, "Given an image, text. summarize describe provided word"])
    dtype = torch.bfloat16 if job.device == "cuda" else torch.float32
    with torch.device(job.device):
        model = build_model(shape, max(vocabulary, len(tokenizer)), seed=0).to(dtype)
    backbone = Qwen2VL(model.eval(), build_processor(tokenizer, shape.patch))
    ids = np.arange(job.pairs)
    collate = collator(
        backbone, ids, ids, sides, folder, "native", job.chunk, job.token_budget, 1024
    )
    clusters = [np.arange(i, min(i + 16, job.pairs)) for i in range(0, job.pairs, 16)]
    return Case(collate, adapted(backbone, 0.1), clusters, job.device)


def unit(hidden: torch.Tensor) -> torch.Tensor:
    return normalize(hidden.float(), dim=-1)


def ours(case: Case, caching: bool, reuse: bool = True) -> Callable[[], torch.Tensor]:
    batch = case.collate([(case.clusters, 0)])["batch"]
    narrow_to_last_token(case.backbone.language_layers()[-1])

    def ready(chunk: dict[str, torch.Tensor]) -> dict[str, Any]:
        moved = case.backbone.to_device(chunk, case.device)
        return with_image_features(case.backbone, moved) if reuse else moved

    def step() -> torch.Tensor:
        queries, targets = (
            encode_chunks(
                lambda chunk: unit(case.backbone.last_hidden(dict(chunk))),
                map(ready, side.chunks), side.order, caching,
            )
            for side in (batch.query, batch.target)
        )  # fmt: skip
        loss = info_nce(queries, targets, TEMPERATURE)
        loss.backward()
        return loss.detach()

    return step


def ordered_chunks(case: Case, size: int, padding: str) -> list[list[dict[str, torch.Tensor]]]:
    """Model inputs of both sides in the data's order, repeated items again."""
    collate = case.collate
    case.backbone.processor.tokenizer.padding_side = padding
    pairs = pairs_of(case.clusters)
    sides = []
    for ids, items in ((collate.query_id, collate.queries), (collate.target_id, collate.targets)):
        chosen = [items[one] for one in ids[pairs]]
        starts = range(0, len(chosen), size)
        sides.append([collate._collate(chosen[start : start + size]) for start in starts])
    return sides


def reference(case: Case) -> Callable[[], torch.Tensor]:
    sides = ordered_chunks(case, REFERENCE_CHUNK, "right")

    def encode(chunk: dict[str, torch.Tensor]) -> torch.Tensor:
        out = case.model(**chunk, output_hidden_states=True, use_cache=False)  # logits, too
        last = chunk["attention_mask"].sum(dim=1) - 1
        return unit(out.hidden_states[-1][torch.arange(len(last)), last])

    def step() -> torch.Tensor:
        states, rows = [], []
        with torch.no_grad():
            for side in sides:
                for chunk in side:
                    states.append(torch.get_rng_state())
                    rows.append(encode(case.backbone.to_device(chunk, case.device)))
        leaves = [row.requires_grad_() for row in rows]
        n = len(sides[0])
        loss = info_nce(torch.cat(leaves[:n]), torch.cat(leaves[n:]), TEMPERATURE)
        loss.backward()
        for chunk, state, leaf in zip([*sides[0], *sides[1]], states, leaves, strict=True):
            torch.set_rng_state(state)
            (encode(case.backbone.to_device(chunk, case.device)) * leaf.grad).sum().backward()
        return loss.detach()

    return step


def sentence_transformers(case: Case, chunk: int) -> Callable[[], torch.Tensor] | None:
    try:
        from sentence_transformers.sentence_transformer.losses import (
            CachedMultipleNegativesRankingLoss,
        )
    except ImportError:
        return None
    sides = ordered_chunks(case, chunk, "left")

    class LookUp(torch.nn.Module):
        """Numbers instead of tokens: side * n + row; the real inputs are looked up by the first."""

        def __init__(self) -> None:
            super().__init__()
            self.adapted = case.model

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, torch.Tensor]:
            side, row = divmod(int(features["input_ids"][0, 0]), n)
            inputs = case.backbone.to_device(sides[side][row // chunk], case.device)
            return {"sentence_embedding": unit(case.backbone.last_hidden(inputs))}

    n = len(pairs_of(case.clusters))
    loss_of = CachedMultipleNegativesRankingLoss(
        torch.nn.Sequential(LookUp()), scale=1 / TEMPERATURE, mini_batch_size=chunk
    )

    def step() -> torch.Tensor:
        numbers = torch.arange(2 * n).view(2, n, 1)
        features = [{"input_ids": one, "attention_mask": torch.ones_like(one)} for one in numbers]
        loss = loss_of(features, None)
        loss.backward()
        return loss.detach()

    return step


class PeakMemory:
    """Peak of memory (MB) above that at the start: of the GPU, or anonymous memory each 5 ms."""

    def __init__(self, device: str):
        self.cuda = device == "cuda"

    def __enter__(self) -> PeakMemory:
        self.start = self.peak = self._now()
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()
        if self.cuda:
            self.peak = torch.cuda.max_memory_allocated() / 1e6
        self.mb = self.peak - self.start

    def _watch(self) -> None:
        while not self.done.wait(0.005):
            self.peak = max(self.peak, self._now())

    def _now(self) -> float:
        if self.cuda:
            return torch.cuda.memory_allocated() / 1e6
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def case_of(job: argparse.Namespace) -> Case:
    torch.set_num_threads(1)
    if job.device == "cuda":
        return random_case(job, SHAPE_2B, VOCABULARY_2B, 448)
    return mini_case(job)


def measure(job: argparse.Namespace) -> dict[str, Any] | None:
    case = case_of(job)
    step = {
        "plain": lambda: ours(case, caching=False),
        "cached": lambda: ours(case, caching=True),
        "reference": lambda: reference(case),
        "sentence-transformers": lambda: sentence_transformers(case, job.chunk),
    }[job.variant]()
    if step is None:
        return None
    optimiser = torch.optim.AdamW([p for p in case.model.parameters() if p.requires_grad])
    took = []
    # one thread's own time: others on the machine do not count
    clock = time.process_time if case.device == "cpu" else time.perf_counter
    with PeakMemory(case.device) as memory:
        for _ in range(job.repeats + 1):  # the first warms up
            start = clock()
            loss = step().item()
            optimiser.step()
            optimiser.zero_grad()
            took.append(clock() - start)
    pairs = len(pairs_of(case.clusters))
    seconds = statistics.median(took[1:])
    floor = machine.counted(step) / machine.peak_flops() if case.device == "cpu" else None
    return {"pairs": pairs, "seconds": seconds, "pairs_per_s": pairs / seconds,
            "extra_mb": memory.mb, "loss": loss, "floor": floor}  # fmt: skip


def three_ways(case: Case) -> np.ndarray:
    """plain; caching with vision in both passes; caching with vision once."""
    ways = ((False, True), (True, False), (True, True))
    return np.array([machine.counted(ours(case, caching, reuse)) for caching, reuse in ways])


def count(job: argparse.Namespace) -> None:
    """The mini case; a 2B shape from 1 and 2 layers of each tower: costs are linear in them."""
    from dataclasses import replace

    torch.set_num_threads(1)
    lines = {"mini": three_ways(mini_case(job))} if job.results else {}
    job.pairs = 2
    layers = {}
    for language, vision in ((1, 1), (2, 1), (1, 2)):
        shape = replace(SHAPE_2B, layers=language, vision_depth=vision)
        layers[language, vision] = three_ways(random_case(job, shape, 1000, 448))
    base = layers[1, 1]
    lines["2B"] = (
        base
        + (SHAPE_2B.layers - 1) * (layers[2, 1] - base)
        + (SHAPE_2B.vision_depth - 1) * (layers[1, 2] - base)
    )
    print("| model | plain (GFLOP) | caching / plain | caching, vision once / plain |")
    print("|---|---|---|---|")
    for name, found in lines.items():
        twice, once = found[1:] / found[0]
        print(f"| {name} | {found[0] / 1e9:.1f} | {twice:.3f} | {once:.3f} |")


def beside(one: dict[str, Any]) -> str:
    """The floor, and how much of the time it is; on a GPU neither is measured."""
    if one["floor"] is None:
        return "- | -"
    return f"{one['floor']:.2f} | {100 * one['floor'] / one['seconds']:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--results", help="folder of a finished mini experiment (not with --device cuda)")
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--pairs", type=int, nargs="+", default=[64, 256], help="of a batch; paper: 2048")
    add("--chunk", type=int, default=32)
    add("--token-budget", type=int, default=0)
    add("--repeats", type=int, default=2)
    add("--variant", choices=VARIANTS, help="one alone, as JSON")
    add("--flops", action="store_true")
    job = parser.parse_args()
    if job.device == "cpu" and not job.results and not job.flops:
        parser.error("--results is needed on a CPU")
    sizes = job.pairs
    job.pairs = sizes[0]
    if job.flops:
        count(job)
        return
    if job.variant:
        print(json.dumps(measure(job)))
        return
    print("| pairs | step | s | pairs/s | against reference | extra memory (MB) ", end="")
    print("| arithmetic alone, s | of it (%) |")
    print("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        found = {}
        for variant in reversed(VARIANTS):
            command = [sys.executable, __file__, *sys.argv[1:], "--variant", variant]
            command += ["--pairs", str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = done.stdout.splitlines()
            found[variant] = json.loads(lines[-1]) if done.returncode == 0 else None
            if done.returncode:  # such as a batch too large for memory without caching
                print(f"{variant}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        base = found["reference"]
        for variant in VARIANTS:
            if (one := found[variant]) is None:
                continue
            ratio = f"{one['pairs_per_s'] / base['pairs_per_s']:.2f}" if base else "-"
            print(f"| {one['pairs']} | {variant} | {one['seconds']:.2f} | {one['pairs_per_s']:.0f} "
                  f"| {ratio} | {one['extra_mb']:.0f} | {beside(one)} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
