"""Batches on their way from the workers: few descriptors, no silent wait, one line when it ends."""

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from gen2embed.errors import InputError
from gen2embed.models.shortcuts import transport
from gen2embed.models.shortcuts.transport import (
    loader_faults,
    outlive_sigterm,
    pack,
    unpack,
)
from gen2embed.training.pairs import Batch, Side
from unit.training.paper_batch import paper_job

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "train_adapter.py"
DTYPES = (torch.uint8, torch.bool, torch.int64, torch.float32, torch.bfloat16)


def few_files():
    """The usual soft limit, which the program cannot raise either."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


def train(job, folder, limit=few_files):
    path = folder / "jobs.json"
    path.write_text(json.dumps([job]))
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--job-list", str(path)],
        text=True, capture_output=True, preexec_fn=limit, timeout=300,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def test_the_papers_batch_under_the_usual_limit_of_open_files(tiny, tmp_path):
    """Two thousand tensors on their way: chunk 4, 256 pairs, 4 workers, 1024 descriptors."""
    done = train(paper_job(tiny, tmp_path, loader_seconds=120), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "adapter" / "card.json").read_text())
    assert card["pairs_seen"] == 6 * 256


def test_a_broken_image_in_a_worker_is_one_line(tiny, tmp_path):
    job = paper_job(tiny, tmp_path, image_root=str(tmp_path / "images"), loader_workers=2)
    (tmp_path / "images").mkdir()
    for number in range(6):
        content = (tiny.images / f"{number}.png").read_bytes()
        (tmp_path / "images" / f"{number}.png").write_bytes(content[: 60 if number == 3 else None])
    done = train(job, tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    (said,) = [one for one in done.stderr.splitlines() if one.startswith("train_adapter: ")]
    assert said.startswith("train_adapter: step 1: ") and "3.png: not a readable image" in said


tensors = st.lists(
    st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=3)), max_size=6
)


@given(tensors, st.integers(0, 2**31))
def test_packed_tensors_are_the_same_again(kinds, seed):
    drawn = torch.Generator().manual_seed(seed)
    before = [torch.randint(0, 2, shape, generator=drawn).to(dtype) for dtype, shape in kinds]
    whole, layout = pack(before)
    assert whole.dtype == torch.uint8 and whole.ndim == 1
    after = unpack(whole, layout)
    assert len(after) == len(before)
    for one, other in zip(after, before, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


@pytest.mark.parametrize("excluded", [None, torch.tensor([[True, False]])])
def test_a_batch_travels_as_one_tensor(excluded):
    chunks = [{"ids": torch.tensor([[1, 2]])}, {"ids": torch.tensor([[3]]), "x": torch.ones(2, 2)}]
    side = Side(chunks, torch.tensor([1, 0]), [2, 0])
    batch = Batch(
        side, Side([], torch.tensor([], dtype=torch.int64), [0]), torch.tensor([0]), excluded
    )
    _, parts = batch.__reduce__()
    assert sum(isinstance(one, torch.Tensor) for one in parts) == 1
    again = pickle.loads(pickle.dumps(batch))  # noqa: S301  its own
    assert again.query.sizes == [2, 0] and again.target.chunks == []
    for one, other in zip(again.query.chunks, chunks, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(again.own, batch.own) and torch.equal(again.query.order, side.order)
    assert (again.excluded is None) == (excluded is None)


class Slow(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, _):
        time.sleep(30)


class Told(Dataset):
    """As torchrun and SLURM do, which send SIGTERM to all processes that there are."""

    def __len__(self):
        return 1

    def __getitem__(self, _):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2)
        return 2


class Killed(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, _):
        os.kill(os.getpid(), 9)


@pytest.mark.parametrize(
    ("data", "said"),
    [(Slow(), "no batch came .* within 1 s"), (Killed(), "a worker of the loader has ended")],
)
def test_a_worker_that_is_late_or_gone_is_one_line(data, said):
    with pytest.raises(InputError, match=said), loader_faults(1):
        list(DataLoader(data, num_workers=1, timeout=1))
    with pytest.raises(RuntimeError, match="other"), loader_faults(1):
        raise RuntimeError("other")


def test_a_worker_outlives_sigterm_for_a_while(monkeypatch):
    loader = DataLoader(Told(), num_workers=1, timeout=20, worker_init_fn=outlive_sigterm)
    assert list(loader) == [torch.tensor([2])]
    monkeypatch.setattr(transport, "SECONDS_AFTER_SIGTERM", 1)
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        list(loader)


class Wrong(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, _):
        raise RuntimeError("shapes 3 and 4")


def test_what_goes_wrong_in_a_worker_is_not_taken_for_want_of_memory():
    """A defect keeps its traceback: the worker is alive."""
    with pytest.raises(RuntimeError, match="shapes 3 and 4"), loader_faults(5):
        list(DataLoader(Wrong(), num_workers=1, timeout=5))


def test_no_descriptor_is_held_for_a_tensor():
    """What ``prepare_sharing`` sets holds in this process: tensors cross as files, by name."""
    from gen2embed.models.shortcuts.transport import prepare_sharing

    before = torch.multiprocessing.get_sharing_strategy()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        prepare_sharing()
        assert torch.multiprocessing.get_sharing_strategy() == "file_system"
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard == limits[1]
        found = list(DataLoader(np.arange(40.0).reshape(40, 1), batch_size=1, num_workers=2))
        assert torch.cat(found).sum() == 780
    finally:
        torch.multiprocessing.set_sharing_strategy(before)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
