"""What modules give in a forward pass, kept while one looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def watched(
    modules: Iterable[torch.nn.Module], of_output: Callable[[Any], torch.Tensor]
) -> Iterator[list[torch.Tensor]]:
    """Yield a list that every forward pass fills with what is wanted of each module's output."""
    seen: list[torch.Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, out: seen.append(of_output(out)))
        for module in modules
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
