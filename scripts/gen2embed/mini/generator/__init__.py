"""The mini experiment's generator: a small Qwen2-VL trained from scratch to generate text."""
