"""A training over two nodes of a real SLURM: one torchrun on each, one process's adapter."""

import re

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

import loopback_slurm
from workflow.conftest import copy_finished
from workflow.test_slurm import QUICK, known, submitted

pytestmark = pytest.mark.slow
RUN = {"strategy": "saha", "prompt": "hierarchical"}
ADAPTER = "results/ci/adapters/saha_seed0/hierarchical"


@pytest.fixture(scope="module")
def two_nodes():
    why = loopback_slurm.missing()
    if why:
        pytest.skip(f"no SLURM: {why}")
    yield loopback_slurm.up(nodes=2, cpus=2)
    loopback_slurm.down()


def trained(finished, to, *arguments, **train):
    """The adapter of the finished project's last run, trained in another way, and what was said."""
    project = copy_finished(finished, to, "adapters")
    overlay = {"train": {"runs": [RUN], "dropout": 0.0, "loader_workers": 0, **train}}
    (to / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    weights = f"{ADAPTER}/adapter_model.safetensors"
    configured = ("--configfile", "configs/ci.yaml", "overlay.yaml")
    output = project.snakemake(*arguments, *configured, "--", weights)
    return load_file(to / weights), output


def test_two_nodes_train_the_adapter_of_one_process(two_nodes, finished, tmp_path):
    """Each with its GPU; they meet at the first node, at a port by the job's number."""
    assert two_nodes.is_dir()
    alone, _ = trained(finished, tmp_path / "alone")
    (tmp_path / "nodes").mkdir()
    together, output = trained(
        finished, tmp_path / "nodes", *QUICK, "--config", "hardware=gpu", processes=2, nodes=2
    )
    job = submitted(output)["train_adapter"][0]
    assert known(job)["NumNodes"] == "2"
    assert re.search(r"gres[:/]gpu[:=]", known(job)["TresPerNode"])
    log = tmp_path / "nodes/results/ci/logs/train_adapter/saha_seed0_hierarchical.log"
    assert re.findall(r"1 processes, GPUs: (\S+)", log.read_text()) == ["0", "0"]
    assert alone.keys() == together.keys()
    for name, weight in alone.items():
        np.testing.assert_allclose(together[name], weight, atol=1e-4, err_msg=name)
