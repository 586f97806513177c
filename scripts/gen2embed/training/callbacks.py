"""What happens between the steps of a training: progress, adapters of named steps, SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from tqdm import tqdm
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from gen2embed.command_line import progress_bar
from gen2embed.outputs import os_errors
from gen2embed.training.checkpoints import seal
from gen2embed.training.temperature import LearnedTemperature
from gen2embed.training.validation import History


class SaveAdapters(TrainerCallback):
    """Save the adapter after the named steps, for the training dynamics."""

    def __init__(self, steps: Collection[int], folder: Path):
        self.steps = frozenset(steps)
        self.folder = folder

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and state.global_step in self.steps:
            save_adapter(kwargs["model"], self.folder / f"step-{state.global_step}")


class ShowProgress(TrainerCallback):
    """A bar on a terminal, a line every 30 s in a log; starts where a resumed run starts."""

    def __init__(self, what: str):
        self.what = what
        self.bar: tqdm | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.bar = progress_bar(state.max_steps, self.what, "step")
            self.bar.update(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and "loss" in kwargs["logs"]:
            self.bar.set_postfix_str(f"loss {kwargs['logs']['loss']:.4f}", refresh=False)
            self.bar.update()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.close()

    def close(self) -> None:
        """Also where a training breaks off: else the bar is drawn once more, after what is said."""
        if self.bar is not None:
            self.bar.close()


class SealStates(TrainerCallback):
    """A saved state gets the digests of its files when every process has written its own."""

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            name = f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            seal(Path(args.output_dir) / name)


class Keep(TrainerCallback):
    """What a state must hold besides goes into each that is saved, before it is sealed."""

    def __init__(self, kept: LearnedTemperature | History):
        self.kept = kept

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.kept.save(Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")


class Validate(TrainerCallback):
    """Measure the loss of held-out clusters every so many steps; keep the best step's adapter.

    measure: the loss, the same in every process. The adapters go to ``folder``.
    """

    def __init__(self, measure: Callable[[], float], every: int, history: History, folder: Path):
        self.measure = measure
        self.every = every
        self.history = history
        self.folder = folder

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        step = state.global_step
        if step % self.every and step != state.max_steps:
            return
        self.history.losses[step] = self.measure()
        if self.history.best == step and state.is_world_process_zero:
            save_adapter(kwargs["model"], self.folder / f"step-{step}")
        control.should_training_stop |= self.history.over


class StopOnTerm(TrainerCallback):
    """SIGTERM (a cluster's time limit) ends the training after the running step, with a state.

    saves: whether there are states. All processes stop after the same step.
    """

    def __init__(self, accelerator: Accelerator, saves: bool):
        self.accelerator = accelerator
        self.saves = saves
        self.asked = False
        self.stopped = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = signal.signal(signal.SIGTERM, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        asked = torch.tensor(float(self.asked), device=self.accelerator.device)
        if self.accelerator.reduce(asked, reduction="sum").item() and not self.stopped:
            self.stopped = state.global_step < state.max_steps
            control.should_training_stop = True
            control.should_save = self.saves

    def _note(self, *_: Any) -> None:
        self.asked = True


def save_adapter(model: Any, folder: Path) -> None:
    """The adapter as a PEFT folder (safetensors), without PEFT's template of a model card."""
    with os_errors(folder):
        model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
