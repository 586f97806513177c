"""Supported multimodal LLMs: one small file and one line in REGISTRY each; text-only ones as one.

A backbone module offers ``load(model, revision, dtype, device, attention) -> Backbone``; the key is
the ``model_type`` of the model's own configuration. Other types that transformers knows as causal
language models, and as no multimodal ones, are read by ``causal_lm``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from gen2embed.errors import InputError
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.folders.gguf_files import at
from gen2embed.models.folders.released import released_adapter
from gen2embed.models.folders.sums import check_regular, check_sums
from gen2embed.models.folders.weights import tensors_alone
from gen2embed.models.pixel_limits import PixelLimits, limits_of_folder
from gen2embed.prompts.input_form import STOCK, InputForm

REGISTRY = {
    "qwen2_vl": "gen2embed.models.backbones.qwen2_vl",
    "qwen2_5_vl": "gen2embed.models.backbones.qwen2_5_vl",
    "qwen3_vl": "gen2embed.models.backbones.qwen3_vl",
    "llava_next": "gen2embed.models.backbones.llava_next",
}
TEXT_ALONE = "gen2embed.models.backbones.causal_lm"
NEEDS_REMOTE_CODE = ("phi3_v",)  # Phi-3.5-V: its classes are not transformers' own


def load_backbone(
    model: str,
    revision: str | None,
    dtype: str,
    device: str,
    attention: str | None = None,
    form: InputForm = STOCK,
    limits: PixelLimits | None = None,
) -> Backbone:
    """Load a model folder, hub id or GGUF file with the backbone that its configuration names.

    attention: transformers' name of an implementation (analysis asks for "eager"), None: the best
    one here. form: see ``input_form.py``. limits: of an image's pixels, instead of the processor's
    own. An adapter that a fetched folder holds (``released.py``) is merged; where it came with a
    processor of its own, that one's limits are taken, but for those given.
    Raises InputError for a model that cannot be found or whose type is not in the registry.
    """
    check_regular(model)
    kind = model_type(model, revision)
    if kind in NEEDS_REMOTE_CODE:
        raise InputError(
            f"{model}: model type {kind!r} is not supported: it needs code from the hub, which is "
            f"never run here; supported: {', '.join(REGISTRY)}"
        )
    if kind not in REGISTRY and not reads_text_alone(kind):
        raise InputError(
            f"{model}: model type {kind!r} is not supported; supported: {', '.join(REGISTRY)}, and "
            "transformers' causal language models"
        )
    module = import_module(REGISTRY.get(kind, TEXT_ALONE))
    check_sums(model)
    with load_errors(model), tensors_alone(model):
        backbone = module.load(model, revision, dtype, device, attention)
        check_tokenizer(backbone)
    backbone.form = form
    adapter = released_adapter(model)
    if adapter is not None:
        backbone.load_adapter(adapter)
    backbone.limit_pixels((limits or PixelLimits()).or_else(limits_of_folder(adapter)))
    return backbone


def reads_text_alone(kind: str) -> bool:
    """Whether transformers has a causal language model of this type, and it takes no images."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )

    known, multimodal = (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )  # fmt: skip
    return kind in known and kind not in multimodal


@contextmanager
def load_errors(model: str) -> Iterator[None]:
    """Turn what transformers raises of a folder that is not whole into one line.

    A GPU's memory that runs out is no fault of the folder.
    """
    import torch

    try:
        yield
    except (InputError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        first_line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise InputError(
            f"{model}: cannot be loaded ({type(error).__name__}: {first_line[:300]}); a file of it "
            "is missing, broken, or of another version: fetch it again"
        ) from error


def check_tokenizer(backbone: Backbone) -> None:
    """Raise ValueError for a tokenizer that cannot write this backbone's prompts."""
    tokenizer = backbone.processor.tokenizer
    if tokenizer.pad_token_id is None:
        raise ValueError("its tokenizer names no padding token")
    known = tokenizer.convert_tokens_to_ids(backbone.image_token) if backbone.image_token else ""
    if known in (None, tokenizer.unk_token_id):
        raise ValueError(f"its tokenizer does not know {backbone.image_token}")


def model_type(model: str, revision: str | None) -> str:
    """The ``model_type`` of a folder's, hub id's or GGUF file's configuration.

    Raises InputError for a model that cannot be found.
    """
    from transformers import PreTrainedConfig

    folder, more = at(model)
    try:
        facts, _ = PreTrainedConfig.get_config_dict(folder, revision=revision, **more)
    except Exception as error:  # of a broken config.json transformers raises whatever it meets
        reason = str(error).strip().split("\n")[0]
        no_folder = "no model folder and not to be had from the hub"
        fault = "no GGUF file of a model known here" if more else no_folder
        raise InputError(f"{model}: {fault} ({reason})") from None
    if not isinstance(facts.get("model_type"), str):
        raise InputError(f"{model}: its config.json names no model_type; is it a model folder?")
    return facts["model_type"]
