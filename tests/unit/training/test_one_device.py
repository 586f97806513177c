"""A process trains on one device, also where it sees several: torch would split its batches."""

from pathlib import Path

import pytest
import torch

from gen2embed.training.trainer import training_arguments

SETTINGS = {
    **{"steps": 2, "rate": 1e-4, "warm_up": 0, "max_grad_norm": 1.0, "seed": 0, "bf16": False},
    **{"save_every": None, "activation_checkpointing": False, "loader_workers": 0},
    **{"report_to": "none", "run_name": "one"},
}


@pytest.mark.parametrize("seen", [0, 1, 4])
@pytest.mark.parametrize("on_cpu", [False, True])
def test_one_device_at_most(tmp_path, monkeypatch, seen, on_cpu):
    """Of ``seen`` GPUs. transformers takes all that it counts, and wraps the model accordingly."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    arguments = training_arguments(Path(tmp_path), on_cpu=on_cpu, **SETTINGS)
    assert arguments.n_gpu <= 1
    assert arguments.train_batch_size == 1
    assert arguments.parallel_mode.value != "not_distributed"  # transformers' name for DataParallel
