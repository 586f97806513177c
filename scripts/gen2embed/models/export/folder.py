"""The folder's files: weights, processor, chat template, and what sentence-transformers reads.

Layout: modules.json names the steps (model, pooling of the last token, length 1),
sentence_bert_config.json the kinds of items that the first one takes. Source: sentence-transformers
6, ``SentenceTransformer.save``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gen2embed.files import package_versions, write_json, write_text
from gen2embed.models.backbones.base import Backbone
from gen2embed.models.export.template import chat_template
from gen2embed.prompts.registry import Prompt

OURS = "sentence_transformers"
MODULES = (
    ("", f"{OURS}.base.modules.transformer.Transformer"),
    ("1_Pooling", f"{OURS}.sentence_transformer.modules.pooling.Pooling"),
    ("2_Normalize", f"{OURS}.base.modules.normalize.Normalize"),
)
FORWARD = {"method": "forward", "method_output_name": "last_hidden_state"}
SIMILARITY = "cosine"


def write_folder(backbone: Backbone, prompt: Prompt, folder: Path) -> str:
    """Everything but the card; the chat template is returned. Raises InputError: see template."""
    template = chat_template(backbone, prompt)
    backbone.model.save_pretrained(folder)
    save_processor(backbone, template, folder)
    write_json(folder / "modules.json", modules())
    write_json(folder / "sentence_bert_config.json", transformer_settings(backbone))
    write_json(folder / "config_sentence_transformers.json", model_settings(prompt))
    pooling = {"embedding_dimension": backbone.dim, "pooling_mode": "lasttoken"}
    write_json(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": True})
    (folder / "2_Normalize").mkdir()
    write_json(folder / "2_Normalize" / "config.json", {})
    return template


def modules() -> list[dict[str, Any]]:
    return [
        {"idx": number, "name": str(number), "path": path, "type": kind}
        for number, (path, kind) in enumerate(MODULES)
    ]


def transformer_settings(backbone: Backbone) -> dict[str, Any]:
    """Which kinds of items go in: all of them as chat messages."""
    kinds = ["text", *(["image", "image+text"] if backbone.image_token else [])]
    settings: dict[str, Any] = {
        "transformer_task": "feature-extraction",
        "modality_config": {kind: FORWARD for kind in kinds}
        | {"message": {**FORWARD, "format": "structured"}},
        "module_output_name": "token_embeddings",
        "processing_kwargs": {"chat_template": {"add_generation_prompt": True}},
        "unpad_inputs": False,
    }
    if (
        backbone.image_token
    ):  # Pillow resizes images, as here; backend: pil would hold for films, too
        settings["processor_kwargs"] = {"use_fast": False}
    return settings


def model_settings(prompt: Prompt) -> dict[str, Any]:
    """The system level of either role; what names no role is a target."""
    levels = {role: level or "" for role, level in prompt.systems.items()}
    return {
        "model_type": "SentenceTransformer",
        "__version__": package_versions("torch", "transformers"),
        "prompts": {"query": levels["query"], "document": levels["target"]},
        "default_prompt_name": "document",
        "similarity_fn_name": SIMILARITY,
    }


def save_processor(backbone: Backbone, template: str, folder: Path) -> None:
    """Tokenizer, image processor (Pillow's, as here) and the stock processor that joins them."""
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    processor = backbone.processor
    tokenizer = processor.tokenizer
    before, tokenizer.chat_template = tokenizer.chat_template, template
    try:
        tokenizer.save_pretrained(folder)
    finally:
        tokenizer.chat_template = before
    if not backbone.image_token:
        return
    write_text(folder / "chat_template.jinja", template)
    images = processor.image_processor
    kind = PROCESSOR_MAPPING_NAMES[backbone.model.config.model_type]
    facts = images.to_dict()
    facts |= {"processor_class": kind, "image_processor_type": type(images).__name__}
    write_json(folder / "preprocessor_config.json", facts)
    write_json(folder / "processor_config.json", {"processor_class": kind, **extras(processor)})
    if needs_video(backbone):
        names = ("patch_size", "temporal_patch_size", "merge_size", "image_mean", "image_std")
        video = {name: facts[name] for name in names if name in facts}
        video["video_processor_type"] = "Qwen2VLVideoProcessor"
        if backbone.name == "qwen3_vl":
            video["video_processor_type"] = "Qwen3VLVideoProcessor"
        write_json(folder / "video_preprocessor_config.json", video | {"processor_class": kind})


def extras(processor: Any) -> dict[str, Any]:
    """What a joint processor knows beside its parts."""
    names = ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens",
             "image_token")  # fmt: skip
    return {name: getattr(processor, name) for name in names if hasattr(processor, name)}


def needs_video(backbone: Backbone) -> bool:
    """Whether the stock processor has a part for films, which needs torchvision."""
    return backbone.name.startswith("qwen")
