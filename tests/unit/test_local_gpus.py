"""The number of GPUs that Snakemake must be told, and the command that tells it."""

import shlex

import pytest
from snakemake.cli import parse_args

from gen2embed.errors import InputError
from gen2embed.machine import gpus
from gen2embed.machine.local_gpus import check_local_gpus, with_gpus

ASKED = {"embed_items": 1, "train_adapter": 8, "mine_negatives": 1}


@pytest.fixture(autouse=True)
def without_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.setattr(gpus, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize("told", [None, 0, -1])
def test_a_number_is_needed_where_a_job_asks(told):
    with pytest.raises(InputError, match=r"^hardware: gpu needs the number of GPUs: add "):
        check_local_gpus(ASKED, told, ["--cores", "all"])
    check_local_gpus({}, told, [])


def test_the_number_is_named_where_it_can_be_counted(tmp_path):
    for index in range(4):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / f"dev/nvidia{index}").touch()
    with pytest.raises(InputError, match=r"it shows 4\).*snakemake --resources gpu=4 --cores all"):
        check_local_gpus(ASKED, None, ["--cores", "all"])


def test_a_training_gets_its_gpus_or_is_not_begun():
    check_local_gpus(ASKED, 8, [])
    with pytest.raises(InputError, match="train_adapter asks for 8 GPUs, and --resources gpu=7"):
        check_local_gpus(ASKED, 7, [])


@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["--cores", "all", "--configfile", "configs/paper_2b.yaml", "--", "all"], {"all"}),
        (["--cores", "4"], set()),
        (["all", "digest", "--cores", "4"], {"all", "digest"}),
        (["--cores", "4", "--resources", "mem_mb=4000", "--", "all"], {"all"}),
        (["--cores", "4", "--res", "gpu=0", "mem_mb=4000"], set()),
        (["--cores", "4", "--config", "experiment=my name"], set()),
        ([], set()),
    ],
)
def test_the_command_to_type_is_the_one_typed_with_the_number(words, targets):
    """As Snakemake's own parser reads it."""
    typed = shlex.split(with_gpus(words, "3"))
    assert typed[0] == "snakemake"
    _, told = parse_args(typed[1:])
    _, before = parse_args(words)
    assert told.resources["gpu"].value == 3
    assert set(told.targets or []) == targets
    assert (told.config, told.cores) == (before.config, before.cores)
    if "mem_mb=4000" in words:
        assert told.resources["mem_mb"].value == 4000
