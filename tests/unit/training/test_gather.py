"""What two processes gather, by hand: rows and labels in order, gradients that sum to the whole's.

One start of two gloo processes that run this file as a program.
"""

import math
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import distributed

from gen2embed.training.gather import gather_rows, sum_gradients
from gen2embed.training.loss import info_nce

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SIZES = [1, 2]
QUERIES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


def in_each_process():
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    mine = slice(0, 1) if rank == 0 else slice(1, 3)
    turn = torch.nn.Parameter(torch.eye(2))
    queries, targets = (gather_rows(one[mine] @ turn, SIZES) for one in (QUERIES, TARGETS))
    assert torch.equal(queries, QUERIES) and torch.equal(targets, TARGETS)
    loss = info_nce(queries, targets, 1.0, torch.arange(3))
    # scores: [1, 0, 0], [0, 1, -1], [-1, 0, 0], own on the diagonal
    by_hand = [
        math.log(1 + 2 * math.exp(-1)),
        math.log(1 + math.exp(-1) + math.exp(-2)),
        math.log(2 + math.exp(-1)),
    ]
    assert abs(loss.item() - sum(by_hand) / 3) < 1e-6
    loss.backward()
    sum_gradients([turn])
    alone = torch.nn.Parameter(torch.eye(2))
    info_nce(QUERIES @ alone, TARGETS @ alone, 1.0).backward()
    torch.testing.assert_close(turn.grad, alone.grad)
    none = gather_rows(torch.zeros(0 if rank else 2, 2), [2, 0])
    assert none.shape == (2, 2)
    untouched = torch.nn.Parameter(torch.ones(1))  # no gradient in process 1
    if rank == 0:
        (untouched * 3).sum().backward()
    sum_gradients([untouched])
    assert untouched.grad.item() == 3
    distributed.destroy_process_group()


def test_one_process_gathers_nothing():
    assert gather_rows(QUERIES, [3]) is QUERIES


def test_two_processes():
    launcher = [str(SCRIPTS / "launch_processes.py"), "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, str(Path(__file__))],
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    in_each_process()
