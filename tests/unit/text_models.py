"""Tiny causal language models: random weights, true classes, as folders and as GGUF files."""

import json

import gguf
import numpy as np
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from unit.backbones import tokenizer

TEXT_KINDS = ("llama", "qwen2", "gemma3", "mistral")
WINDOW = 48  # tokens, of Gemma's and Mistral's sliding attention
DEFAULT = "You are a helpful assistant called Tiny."
CHATML = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\n"
    + DEFAULT
    + "<|im_end|>\n{% endif %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (  # the system level stands in the user turn
    "{{ bos_token }}{% set level = namespace(text='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set level.text = m.content + '\n\n' %}{% else %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ level.text }}"
    "{{ m.content | trim }}<end_of_turn>\n{% set level.text = '' %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (  # it refuses system turns
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %}{{ raise_exception('only user turns, please') }}{% endif %}{% endfor %}"
)
CHATS = {  # chat template, special tokens, start, end and padding token
    "llama": (CHATML, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], (1, 2, 2)),  # as SmolLM2's
    "qwen2": (CHATML, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], (None, 2, 0)),
    "gemma3": (
        GEMMA,
        ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"],
        (2, 1, 0),
    ),
    "mistral": (MISTRAL, ["<unk>", "<s>", "</s>"], (1, 2, None)),
}
SHAPE = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
}  # fmt: skip
MODELS = {
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {}),
    "gemma3": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        {"sliding_window": WINDOW, "query_pre_attn_scalar": 256,
         "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
    ),
    "mistral": (MistralConfig, MistralForCausalLM, {"sliding_window": WINDOW}),
}  # fmt: skip
ARCHITECTURES = {"llama": "llama", "qwen2": "qwen2", "gemma3": "gemma3", "mistral": "llama"}  # a
# Mistral is a Llama to llama.cpp, and comes back as one


def make_tokenizer(kind):
    template, special, places = CHATS[kind]
    roles = ("bos_token", "eos_token", "pad_token")
    named = {role: special[at] for role, at in zip(roles, places, strict=True) if at is not None}
    # a tokenizer that adds its start token, where the template writes it, too
    start = named.pop("bos_token") if kind in ("llama", "qwen2") and "bos_token" in named else None
    made = tokenizer(special, **named)
    if start:
        made.bos_token = start
    made.chat_template = template
    return made


def make_model(kind, words, seed=1):
    config, model, more = MODELS[kind]
    torch.manual_seed(seed)
    made = model(config(vocab_size=words, **SHAPE | more)).eval()
    with torch.no_grad():  # default weights are so small that all vectors would be alike
        for name, weights in made.named_parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.25 / weights[0].numel() ** 0.25)
            elif "bias" in name:
                weights.normal_(0, 0.1)
            else:
                weights.add_(torch.randn_like(weights) * 0.1)
    return made


def save_text_model(kind, folder):
    """config.json, model.safetensors and tokenizer, as the hub has them."""
    tokens = make_tokenizer(kind)
    make_model(kind, len(tokens)).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def interleaved(weights, heads):
    """Rows of a query or key projection in llama.cpp's order: halves of a head in turn."""
    halves = weights.reshape(heads, 2, -1, weights.shape[1])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(weights.shape)


def stored(kind, name, weights):
    """A weight as llama.cpp's converter stores it: float32."""
    if ARCHITECTURES[kind] == "llama" and ("q_proj" in name or "k_proj" in name):
        return interleaved(weights, 4 if "q_proj" in name else 2)
    return weights + 1 if kind == "gemma3" and "norm" in name else weights


def save_gguf(kind, path, leave_out="", pre="gpt-2"):
    """The model of ``save_text_model``, matrices in Q4_1, embeddings in Q8_0, the rest in float32.

    leave_out: GGUF name of a tensor that the file lacks; pre: how it says that text is split.
    """
    architecture = ARCHITECTURES[kind]
    tokens = make_tokenizer(kind)
    model = make_model(kind, len(tokens))
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_embedding_length(64)
    writer.add_block_count(3)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(16)
    writer.add_key_length(16)
    writer.add_value_length(16)
    writer.add_vocab_size(len(tokens))
    if kind in ("gemma3", "mistral"):
        writer.add_sliding_window(WINDOW)
    add_tokenizer(writer, tokens, pre)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[architecture.upper()], 3)
    for name, weights in model.state_dict().items():
        if name == "lm_head.weight":
            continue  # tied
        ours, _, ending = name.rpartition(".")
        theirs = f"{names.get_name(ours)}.{ending}"
        if theirs == leave_out:
            continue
        values = stored(kind, name, weights.numpy().astype(np.float32))
        if values.ndim == 1:
            writer.add_tensor(theirs, values)
            continue
        types = gguf.GGMLQuantizationType
        how = types.Q8_0 if "embed" in name else types.Q4_1
        writer.add_tensor(theirs, gguf.quantize(values, how), raw_dtype=how)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_tokenizer(writer, tokens, pre):
    backend = json.loads(tokens.backend_tokenizer.to_str())
    vocabulary = sorted(tokens.get_vocab().items(), key=lambda one: one[1])
    special = set(tokens.all_special_ids)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([text for text, _ in vocabulary])
    writer.add_token_types([3 if number in special else 1 for _, number in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in backend["model"]["merges"]])
    writer.add_chat_template(tokens.chat_template)
    for add, number in (
        (writer.add_bos_token_id, tokens.bos_token_id),
        (writer.add_eos_token_id, tokens.eos_token_id),
        (writer.add_pad_token_id, tokens.pad_token_id),
    ):
        if number is not None:
            add(number)


def read_gguf(kind, path):
    """transformers' names -> values that gguf's own reader gives, llama.cpp's order undone."""
    reader = gguf.GGUFReader(path)
    found = {one.name: gguf.dequantize(one.data, one.tensor_type) for one in reader.tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[ARCHITECTURES[kind].upper()], 3)
    weights = {}
    for name in make_model(kind, len(make_tokenizer(kind))).state_dict():
        ours, _, ending = name.rpartition(".")
        theirs = "token_embd.weight" if "lm_head" in name else f"{names.get_name(ours)}.{ending}"
        values = found[theirs]
        if ARCHITECTURES[kind] == "llama" and ("q_proj" in name or "k_proj" in name):
            pairs = values.reshape(4 if "q_proj" in name else 2, -1, 2, values.shape[1])
            values = pairs.swapaxes(1, 2).reshape(values.shape)
        weights[name] = values - 1 if kind == "gemma3" and "norm" in name else values
    return weights
