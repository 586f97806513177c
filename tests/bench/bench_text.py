"""The encoder on texts against a plain loop: python tests/bench/bench_text.py --model DIR

plain: batches of 16 in the items' order, padded, the same weights, no language head, last token.
with logits: the same as programs often have it, the whole model with its head. encoder: what
embed_items.py does. All in one process, in turn, so that a busy minute hits all of them. With
--jobs N, N such processes at once; texts per second are then of all together, by the clock.
Items: --items, or made up as WordNet's are: half of them questions with a gloss, half words.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import machine
import numpy as np
import torch
from torch.nn.functional import normalize

from gen2embed.prompts.items import Item, read_items
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

NATIVE = get_resolution("native")
METHODS = ("encoder", "plain", "with logits")
QUESTION = "Find the word that this dictionary entry defines:"
SENTENCE = (
    "a the of small large animal plant tool used for with that has long body red water house "
    "person act state quality group part made by one who in to living cover"
)
WORDS = SENTENCE.split()


def make_items(count: int) -> list[Item]:
    """Questions with a gloss of 4 to 20 words, and words."""
    rng = np.random.default_rng(0)
    glosses = [" ".join(rng.choice(WORDS, rng.integers(4, 21))) for _ in range(count // 2)]
    asked = [Item(f"{QUESTION} {gloss}", "", "query") for gloss in glosses]
    words = [Item(" ".join(rng.choice(WORDS, rng.integers(1, 3))), "", "target") for _ in glosses]
    return asked + words


@torch.inference_mode()
def plain_loop(backbone: Any, texts: list[str], logits: bool) -> np.ndarray:
    tokenizer, model = backbone.processor.tokenizer, backbone.model
    rows = []
    for start in range(0, len(texts), 16):
        batch = tokenizer(texts[start : start + 16], padding=True, return_tensors="pt")
        batch = {name: batch[name] for name in ("input_ids", "attention_mask")}
        if logits:
            hidden = model(**batch, output_hidden_states=True, use_cache=False).hidden_states[-1]
        else:
            hidden = model.model(**batch, use_cache=False).last_hidden_state
        rows.append(normalize(hidden[:, -1].float(), dim=-1).numpy())
    return np.concatenate(rows)


def measure(job: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each method (median), by the clock and of this process; least cosines."""
    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.encoding.encoder import encode, plan_items

    torch.set_num_threads(job.threads)
    spread = read_items(job.items, "query") if job.items else make_items(job.count)
    items = [spread[row] for row in range(0, len(spread), max(1, len(spread) // job.count))]
    backbone = load_backbone(job.model, None, "fp32", "cpu")

    def plan() -> list[Any]:
        return plan_items(backbone, items, get_prompt(job.prompt), NATIVE, Path(), 2048, "items")

    planned = plan()
    texts = [one.rendered for one in planned]
    work: dict[str, Callable[[], np.ndarray]] = {
        "encoder": lambda: encode(backbone, plan(), NATIVE, job.token_budget, "cpu", "bench"),
        "plain": lambda: plain_loop(backbone, texts, False),
        "with logits": lambda: plain_loop(backbone, texts, True),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    vectors = {}
    for _ in range(job.repeats):
        for name in METHODS:
            clock, own = time.perf_counter(), time.process_time()
            vectors[name] = work[name]().astype(np.float64)
            found[name].append((time.perf_counter() - clock, time.process_time() - own))
    alone = encode(backbone, planned[:: max(1, len(planned) // 32)], NATIVE, 1, "cpu", "alone",
                   rows=range(len(planned)))  # fmt: skip
    some = np.flatnonzero(np.abs(alone).sum(1))
    return {
        "items": len(items),
        "tokens": sum(one.tokens for one in planned),
        "seconds": {k: statistics.median(one for one, _ in v) for k, v in found.items()},
        "own": {k: statistics.median(one for _, one in v) for k, v in found.items()},
        "floor": {name: machine.counted(work[name]) / machine.peak_flops() for name in METHODS},
        "cosine": float((vectors["encoder"] * vectors["plain"]).sum(1).min()),
        "cosine alone": float((vectors["encoder"][some] * alone[some]).sum(1).min()),
    }


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--model", required=True, help="folder or GGUF file of a causal language model")
    add("--items", help="items parquet (default: made up)")
    add("--prompt", default="hierarchical")
    add("--count", type=int, default=200, help="items")
    add("--repeats", type=int, default=3)
    add("--threads", type=int, default=1)
    add("--token-budget", type=int, default=8192)
    add("--jobs", type=int, default=1, help="processes at once")
    add("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    job = build_parser().parse_args()
    if job.alone:
        print(json.dumps(measure(job)))
        return
    command = [sys.executable, *sys.argv, "--alone"]
    running = [
        subprocess.Popen(command, text=True, stdout=subprocess.PIPE) for _ in range(job.jobs)
    ]
    found = [json.loads(one.communicate()[0]) for one in running]
    first = found[0]
    print(f"{first['items']} texts, {first['tokens']} tokens, {job.prompt}, {job.jobs} jobs\n")
    print(
        "| method | texts/s, all jobs | of a processor's second | against plain, own time ", end=""
    )
    print("| arithmetic alone, texts a second | of it (%) |")
    print("|---|---|---|---|---|---|")
    for name in METHODS:
        rate = sum(one["items"] / one["seconds"][name] for one in found)
        own = statistics.mean(one["items"] / one["own"][name] for one in found)
        ratio = statistics.mean(one["own"]["plain"] / one["own"][name] for one in found)
        floor = statistics.mean(one["items"] / one["floor"][name] for one in found)
        print(f"| {name} | {rate:.1f} | {own:.1f} | {ratio:.2f} | {floor:.1f} "
              f"| {100 * own / floor:.0f} |")  # fmt: skip
    print(f"\nleast cosine: with plain {first['cosine']:.7f}, alone {first['cosine alone']:.7f}")


if __name__ == "__main__":
    main()
