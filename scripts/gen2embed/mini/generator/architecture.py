"""The small Qwen2-VL: tokenizer, processor and model, all of transformers' own classes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from gen2embed.mini.generator.shape import Shape
from gen2embed.models.processor import ImageTextProcessor

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
UNKNOWN = "<unk>"
# Qwen's chat markup without its default system turn
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MERGE = 2  # patches per side that become one token, as in every Qwen2-VL


def build_tokenizer(corpus: Iterable[str]) -> PreTrainedTokenizerFast:
    """A lower-case word-level tokenizer over the corpus' words; a line break is a word, too."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"\w+|[^\w\s]|\n"), behavior="removed", invert=True
    )
    trainer = trainers.WordLevelTrainer(special_tokens=[*SPECIAL_TOKENS, UNKNOWN])
    tokenizer.train_from_iterator(sorted(corpus), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=UNKNOWN,
        padding_side="left",
        additional_special_tokens=SPECIAL_TOKENS[1:],
        chat_template=CHAT_TEMPLATE,
    )


def build_processor(tokenizer: PreTrainedTokenizerFast, patch: int) -> ImageTextProcessor:
    """Images keep their size, rounded to the grid of merged patches."""
    images = Qwen2VLImageProcessorPil(
        patch_size=patch,
        merge_size=MERGE,
        temporal_patch_size=2,
        size={"shortest_edge": (MERGE * patch) ** 2, "longest_edge": 512 * 512},  # areas in pixels
    )
    return ImageTextProcessor(images, tokenizer, chat_template=CHAT_TEMPLATE)


def build_model(shape: Shape, vocabulary: int, seed: int) -> Qwen2VLForConditionalGeneration:
    """A freshly initialised model; the seed decides every weight."""
    torch.manual_seed(seed)
    half = shape.hidden // shape.heads // 2
    side = 3 * half // 8  # Qwen2-VL's split of the rotary section: time, height, width
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": shape.hidden,
            "intermediate_size": shape.intermediate,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "max_position_embeddings": 1024,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [half - 2 * side, side, side],
            },
            "bos_token_id": SPECIAL_TOKENS.index("<|im_start|>"),
            "eos_token_id": SPECIAL_TOKENS.index("<|im_end|>"),
            "pad_token_id": SPECIAL_TOKENS.index("<|endoftext|>"),
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": shape.vision_depth,
            "embed_dim": shape.vision_width,
            "hidden_size": shape.hidden,
            "num_heads": shape.vision_heads,
            "mlp_ratio": 4,
            "patch_size": shape.patch,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
        },
        image_token_id=SPECIAL_TOKENS.index("<|image_pad|>"),
        video_token_id=SPECIAL_TOKENS.index("<|video_pad|>"),
        vision_start_token_id=SPECIAL_TOKENS.index("<|vision_start|>"),
        vision_end_token_id=SPECIAL_TOKENS.index("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return Qwen2VLForConditionalGeneration(config)
