"""The encoder against what the field does: python tests/bench/bench_encoder.py

reference: one sample at a time through the processor, data set order, batches of 16, stock vision
attention, logits and all hidden states kept. sentence-transformers (--peers, where installed): the
same model folder, its own batching, last-token pooling. The same items for all, in one run, each
in a process of its own; interpreter start, imports and loading excluded.

CPU: the mini experiment's shape with random weights, or a trained one (--model, --items,
--image-root). GPU: --device cuda builds Qwen2-VL-2B from its configuration on the device, in bf16,
with 448x448 images; nothing is downloaded.
Share of items with an image: 44 of MMEB's 72 sides (30 of 36 query sides, 14 of 36 target sides).
FLOPs on a GPU: 2 per weight and token (language layers, vision tower), attention 4 n^2 width per
layer, causal half in the language model; peak: --peak-tflops (989: H100, bf16, dense). On a CPU
both are measured: the matrix products of one more run are counted, and the best product of this
process is the peak; what they alone would take is the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import machine
import numpy as np
import torch
from torch.nn.functional import normalize
from torch.nn.functional import pad as pad_left

from gen2embed.prompts.images import load_rgb
from gen2embed.prompts.items import Item, read_items
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

METHODS = ("encoder", "reference", "sentence-transformers")
WITH_IMAGE = 44 / 72
SENTENCE = "what is the color of this background ? give a name : picture , text , image or word ."
WORDS = SENTENCE.split()
MINI = {"hidden": 128, "layers": 4, "heads": 4, "kv_heads": 2, "intermediate": 352,
        "vision_width": 96, "vision_depth": 3, "vision_heads": 4, "patch": 12}  # fmt: skip
QWEN2_VL_2B = {
    "text_config": {
        "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960,
        "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24],
        },
    },
    "vision_config": {
        "depth": 32, "embed_dim": 1280, "hidden_size": 1536, "num_heads": 16, "mlp_ratio": 4,
        "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
    },
}  # fmt: skip


def make_items(folder: Path, count: int, sides: list[tuple[int, int]]) -> list[Item]:
    """Texts of 3 to 40 words, ``WITH_IMAGE`` of them with an image of noise of a named size."""
    from PIL import Image

    rng = np.random.default_rng(0)
    items = []
    for number in range(count):
        text = " ".join(rng.choice(WORDS, rng.integers(3, 41)))
        path = ""
        if rng.random() < WITH_IMAGE:
            width, height = sides[rng.integers(len(sides))]
            path = f"{number}.png"
            pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / path)
            text = f"<|image_1|>\n{text}"
        items.append(Item(text, path, "query"))
    return items


def make_model(folder: Path, device: str) -> None:
    """The model folder of a case: the mini shape in fp32, or Qwen2-VL-2B's in bf16."""
    from gen2embed.mini.generator import architecture

    corpus = [" ".join([*WORDS, "given an only describe represent summarize provided system user"])]
    tokenizer = architecture.build_tokenizer(corpus)
    if device == "cpu":
        processor = architecture.build_processor(tokenizer, MINI["patch"])
        model = architecture.build_model(architecture.Shape(**MINI), len(tokenizer), seed=0)
    else:
        from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,
        )

        from gen2embed.models.processor import ImageTextProcessor

        names = ("image_pad", "video_pad", "vision_start", "vision_end")
        keys = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        ids = [tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in names]
        config = Qwen2VLConfig(**QWEN2_VL_2B, **dict(zip(keys, ids, strict=True)))
        config.tie_word_embeddings = True
        torch.manual_seed(0)
        with torch.device(device):
            model = Qwen2VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
        processor = ImageTextProcessor(Qwen2VLImageProcessorPil(), tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def flops(backbone: Any, planned: list[Any]) -> float:
    """Of one pass over the items; see the module's text for what is counted."""
    config = backbone.model.config
    text, vision = config.get_text_config(), config.vision_config
    weights = sum(one.numel() for one in backbone.language_layers().parameters())
    tower = sum(one.numel() for one in backbone.model.model.visual.parameters())
    total = 0.0
    for one in planned:
        total += 2 * weights * one.tokens
        total += 2 * text.num_hidden_layers * text.hidden_size * one.tokens**2
        if one.image:
            patches = backbone.image_tokens(*one.image_size) * vision.spatial_merge_size**2
            total += 2 * tower * patches
            total += 4 * vision.depth * vision.embed_dim * patches**2
    return total


@torch.inference_mode()
def reference(backbone: Any, planned: list[Any], device: str) -> np.ndarray:
    """Unit vectors, as reference programs make them."""
    processor, model = backbone.processor, backbone.model
    pad = processor.tokenizer.pad_token_id
    vectors = []
    for start in range(0, len(planned), 16):
        samples = []
        for one in planned[start : start + 16]:
            picture = [load_rgb(one.image, get_resolution("native"))] if one.image else None
            samples.append(processor(text=[one.rendered], images=picture, return_tensors="pt"))
        longest = max(one["input_ids"].shape[1] for one in samples)
        fills = {"input_ids": pad, "attention_mask": 0, "mm_token_type_ids": 0}
        batch = {}
        for name, fill in fills.items():
            rows = [(one[name], longest - one[name].shape[1]) for one in samples]
            batch[name] = torch.cat([pad_left(row, (short, 0), value=fill) for row, short in rows])
        for name in ("pixel_values", "image_grid_thw"):
            given = [one[name] for one in samples if name in one]
            if given:
                batch[name] = torch.cat(given)
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        out = model(**batch, output_hidden_states=True, use_cache=False)
        last = out.hidden_states[-1][:, -1].float()
        vectors.append(normalize(last, dim=-1).cpu().numpy())
    return np.concatenate(vectors)


def sentence_transformers(model: str, planned: list[Any], device: str) -> Any:
    """A function that encodes the items; None where it cannot."""
    try:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.models import Normalize, Pooling, Transformer

        module = Transformer(model)
        pooling = Pooling(module.get_embedding_dimension(), pooling_mode="lasttoken")
        peer = SentenceTransformer(modules=[module, pooling, Normalize()], device=device)
        native = get_resolution("native")
        inputs = [
            {"text": one.rendered, "image": load_rgb(one.image, native)}
            if one.image
            else one.rendered
            for one in planned
        ]
        peer.encode(inputs[:2], batch_size=1)
    except Exception as error:  # whatever it meets: it is not ours to judge
        print(f"sentence-transformers: {type(error).__name__}: {error}"[:300], file=sys.stderr)
        return None
    return lambda: peer.encode(inputs, batch_size=16)


def measure(job: argparse.Namespace) -> dict[str, float]:
    """One method on the case's items: seconds and peak memory."""
    from gen2embed.models.backbones import load_backbone
    from gen2embed.models.encoding.encoder import encode, plan_items

    torch.set_num_threads(job.threads)
    items = [Item(**one) for one in json.loads(Path(job.case).read_text())]
    dtype = "fp32" if job.device == "cpu" else "bf16"
    backbone = load_backbone(job.model, None, dtype, job.device)
    prompt, native = get_prompt("hierarchical"), get_resolution("native")

    def plan() -> list[Any]:
        root = Path(job.image_root)
        return plan_items(backbone, items, prompt, native, root, 2048, "items")

    if job.method == "encoder":

        def work() -> Any:
            return encode(
                backbone, plan(), native, job.token_budget, job.device, "bench",
                workers=job.workers,
            )  # fmt: skip

    elif job.method == "reference":
        backbone.model.model.visual.config._attn_implementation = "sdpa"

        planned = plan()  # not timed: a loop counts no tokens beforehand

        def work() -> Any:
            return reference(backbone, planned, job.device)

    else:
        work = sentence_transformers(job.model, plan(), job.device)
        if work is None:
            return {}
    if job.compile:
        backbone.model.model.language_model.compile(dynamic=True)
    if job.device != "cpu" or job.compile:
        work()  # warm up: kernels are chosen and compiled
    if job.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    cpu = time.process_time()
    vectors = np.asarray(work())
    seconds = time.perf_counter() - start
    if job.device == "cpu" and job.threads == 1 and not job.workers:
        seconds = time.process_time() - cpu  # the same, but for what else the machine does
    planned = plan()
    if job.device == "cpu":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    else:
        peak = torch.cuda.max_memory_allocated() / 1e9
    np.save(f"{job.case}.{job.method}.npy", vectors)
    on_cpu = job.device == "cpu"
    return {
        "seconds": seconds,
        "peak_gb": peak,
        "tokens": sum(one.tokens for one in planned),
        "flops": machine.counted(work) if on_cpu else flops(backbone, planned),
        "peak_flops": machine.peak_flops() if on_cpu else job.peak_tflops * 1e12,
    }


def compare(job: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if job.items:
            spread = read_items(job.items, "query")
            items = spread[:: max(1, len(spread) // job.count)][: job.count]
        else:
            sides = [(72, 72), (144, 72)] if job.device == "cpu" else [(448, 448)]
            items, job.image_root = make_items(root, job.count, sides), folder
        if not job.model:
            job.model = str(root / "model")
            make_model(Path(job.model), job.device)
        case = root / "case.json"
        case.write_text(json.dumps([vars(one) for one in items]))
        methods = METHODS if job.peers else METHODS[:2]
        found: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
        for _ in range(job.repeats):  # in turn, so that a busy minute hits all of them
            for name in methods:
                command = [sys.executable, __file__, "--method", name, "--case", str(case)]
                for key in ("model", "image_root", "device", "threads", "token_budget", "workers"):
                    command += [f"--{key.replace('_', '-')}", str(getattr(job, key))]
                command += ["--compile"] if job.compile and name == "encoder" else []
                done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True)
                result = json.loads(done.stdout)
                if result:
                    found[name].append(result)
        report(job, items, found)
        vectors = [np.load(f"{case}.{name}.npy") for name in METHODS[:2]]
        cosine = (vectors[0] * vectors[1]).sum(axis=1).min()
        print(f"\nleast cosine between encoder and reference: {cosine:.7f}")


def report(job: argparse.Namespace, items: list[Item], found: dict[str, list[dict]]) -> None:
    """Medians over the repeats, as a table."""
    with_image = sum(bool(one.image_path) for one in items) / len(items)
    print(f"{len(items)} items, {100 * with_image:.0f} % with an image; {job.device}\n")
    print("| method | items/s | tokens/s | peak (GB) | items/s against the reference ", end="")
    print("| arithmetic alone, items/s | of it (%) |")
    print("|---|---|---|---|---|---|---|")

    def median(name: str, key: str) -> float:
        return statistics.median(one[key] for one in found[name])

    for name, results in found.items():
        if not results:
            print(f"| {name} | cannot encode this here | | | | | |")
            continue
        seconds = median(name, "seconds")
        floor = median(name, "flops") / median(name, "peak_flops")
        ratio = median("reference", "seconds") / seconds
        print(
            f"| {name} | {len(items) / seconds:.0f} | {median(name, 'tokens') / seconds:.0f} | "
            f"{median(name, 'peak_gb'):.2f} | {ratio:.2f} | {len(items) / floor:.0f} | "
            f"{100 * floor / seconds:.0f} |"
        )


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--device", default="cpu")
    add("--model", help="model folder (default: random weights of the device's shape)")
    add("--items", help="items parquet (default: made up)")
    add("--image-root", help="of --items")
    add("--count", type=int, default=800, help="items")
    add("--repeats", type=int, default=3)
    add("--threads", type=int, default=1)
    add("--token-budget", type=int, default=8192)
    add("--workers", type=int, default=0)
    add("--peak-tflops", type=float, default=989.0)
    add("--compile", action="store_true", help="torch.compile the language model")
    add("--peers", action="store_true", help="sentence-transformers, too")
    add("--method", choices=METHODS, help=argparse.SUPPRESS)
    add("--case", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    given = build_parser().parse_args()
    if given.method:
        print(json.dumps(measure(given)))
    else:
        compare(given)
