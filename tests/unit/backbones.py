"""Tiny models of every backbone: random weights, true classes, saved in the hub's own layout."""

import json

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "llava_mistral", "llava_vicuna")
QWEN_TOKENS = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|image_pad|>", "<|video_pad|>"),
]
LLAVA_TOKENS = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
CORPUS = [
    "Given an image, summarize the provided image in one word.",
    "Given only text, describe the text in one word.",
    "Represent the given text/image in one word. Which color is the background? a red apple",
    "USER: ASSISTANT: [INST] [/INST] <<SYS>> <</SYS>> system user assistant",
]
# Qwen2-VL's own template inserts this turn where there is no system turn
DEFAULT_SYSTEM = "You are a helpful assistant."
TEMPLATE = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\n"
    + DEFAULT_SYSTEM
    + "<|im_end|>\n{% endif %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)


def tokenizer(special, **names):
    """A byte-level BPE, with the backbone's true special tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet)
    made.train_from_iterator(CORPUS, trainer)
    if "bos_token" in names:
        bos = names["bos_token"]
        made.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, special.index(bos))]
        )
    extra = [token for token in special if token not in names.values()]
    return PreTrainedTokenizerFast(
        tokenizer_object=made, additional_special_tokens=extra, padding_side="right", **names
    )


def text_config(words, **more):
    """4 heads of 12: a half of 6, split in Qwen's way into time, height, width."""
    shape = {
        "vocab_size": words, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
    }  # fmt: skip
    return shape | more


def rope(**more):
    return {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 2], **more}


def qwen_ids(tokens):
    return {
        "image_token_id": tokens.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": tokens.convert_tokens_to_ids("<|video_pad|>"),
        "vision_start_token_id": tokens.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": tokens.convert_tokens_to_ids("<|vision_end|>"),
    }


def qwen(kind):
    tokens = tokenizer(QWEN_TOKENS, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokens.chat_template = TEMPLATE
    words, ids = len(tokens), qwen_ids(tokens)
    text = text_config(words, rope_parameters=rope())
    patch, vision = 14, {"depth": 2, "num_heads": 2, "spatial_merge_size": 2, "patch_size": 14}
    if kind == "qwen2_vl":
        vision |= {"embed_dim": 32, "hidden_size": 48, "mlp_ratio": 2}
        config = Qwen2VLConfig(text_config=text, vision_config=vision, **ids)
        model = Qwen2VLForConditionalGeneration
    elif kind == "qwen2_5_vl":
        vision |= {"hidden_size": 32, "out_hidden_size": 48, "intermediate_size": 40}
        vision |= {"window_size": 56, "fullatt_block_indexes": [1]}  # one block of each kind
        config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
        model = Qwen2_5_VLForConditionalGeneration
    else:
        patch = vision["patch_size"] = 16
        vision |= {"hidden_size": 32, "out_hidden_size": 48, "intermediate_size": 40}
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
        text = text_config(words, rope_parameters=rope(mrope_interleaved=True), head_dim=12)
        config = Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
        model = Qwen3VLForConditionalGeneration
    areas = {"shortest_edge": 4 * (2 * patch) ** 2, "longest_edge": 64 * (2 * patch) ** 2}
    images = Qwen2VLImageProcessorPil(patch_size=patch, merge_size=2, size=areas)
    return model, config, tokens, images, {}


def llava(kind):
    tokens = tokenizer(LLAVA_TOKENS, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    words = text_config(len(tokens))
    text = MistralConfig(**words) if kind == "llava_mistral" else LlamaConfig(**words)
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2,
        image_size=28, patch_size=7, projection_dim=32,
    )  # fmt: skip
    pinpoints = [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]]
    config = LlavaNextConfig(
        vision_config=vision, text_config=text, image_grid_pinpoints=pinpoints,
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28},
        image_grid_pinpoints=pinpoints,
    )  # fmt: skip
    facts = {
        "patch_size": 7, "vision_feature_select_strategy": "default", "image_token": "<image>",
        "num_additional_image_tokens": 1, "processor_class": "LlavaNextProcessor",
    }  # fmt: skip
    return LlavaNextForConditionalGeneration, config, tokens, images, facts


def save_backbone(kind, folder):
    """config.json, model.safetensors, tokenizer and preprocessor files, as the hub has them."""
    model, config, tokens, images, facts = (llava if "llava" in kind else qwen)(kind)
    torch.manual_seed(1)
    made = model(config).eval()
    with torch.no_grad():  # default weights are so small that all vectors would be alike
        for weights in made.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.25 / weights[0].numel() ** 0.25)
    made.save_pretrained(folder)
    tokens.save_pretrained(folder)
    images.save_pretrained(folder)
    if facts:
        (folder / "processor_config.json").write_text(json.dumps(facts))
    return folder


SIZES = {"wide": (150, 60), "tall": (50, 140), "small": (9, 20), "square": (72, 72)}


def save_images(folder):
    """Noise of four shapes, one of them below a patch."""
    rng = np.random.default_rng(0)
    for name, (width, height) in SIZES.items():
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder
