"""Whether a driver is new enough, by NVIDIA's table; a stand-in for nvidia-smi and for torch."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.machine import driver, gpus
from gen2embed.machine.driver import LEAST, cuda_of_torch, driver_version, numbers, too_old

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (x)  Thu\n"
    "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
)


@pytest.mark.parametrize(
    ("had", "cuda", "old"),
    [
        ("535.104.05", "13.0", True),
        ("579.99", "13.0", True),
        ("580.65.06", "13.0", False),
        ("580", "13.2", False),
        ("525.60.13", "12.8", False),
        ("525.60.11", "12.8", True),
        ("470.223.02", "12.1", True),
        ("450.80.02", "11.8", False),
        ("450.51.06", "11.8", True),
        ("418.39", "10.2", False),  # nothing is known of it
        ("580.65.06", "14.0", False),
        (None, "13.0", False),
        ("535.104.05", None, False),
        ("[N/A]", "13.0", False),
    ],
)
def test_by_nvidias_table(had, cuda, old):
    said = too_old(had, cuda)
    assert (said is not None) == old
    if old:
        assert f"driver {had} is too old" in said and f"CUDA {cuda}" in said and "\n" not in said
        assert ("cu126" in said) == cuda.startswith("13")


@given(
    st.lists(st.integers(0, 999), min_size=1, max_size=3),
    st.sampled_from(sorted(LEAST)),
    st.integers(0, 9),
)
def test_a_driver_is_too_old_just_below_the_least(parts, major, minor):
    version = ".".join(map(str, parts))
    assert (too_old(version, f"{major}.{minor}") is None) == (tuple(parts) >= LEAST[major])


@given(st.text())
def test_any_text_is_a_version_or_none(text):
    assert isinstance(numbers(text), tuple)
    too_old(text, text)


@pytest.mark.parametrize(("text", "version"), [(OPEN, "570.86.15"), (CLOSED, "535.104.05")])
def test_the_kernels_file_where_nvidia_smi_is_missing(tmp_path, monkeypatch, text, version):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpus, "ROOT", tmp_path)
    assert driver_version() is None
    path = tmp_path / "proc/driver/nvidia/version"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert driver_version() == version


def test_nvidia_smi_says_the_version_once_for_each_gpu(tmp_path, monkeypatch):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\nprintf '550.54.14\\n550.54.14\\n'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert driver_version() == "550.54.14"


def old_machine(tmp_path, monkeypatch, cuda="'13.0'"):
    """A driver 535, and a torch of which there is a version.py alone."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "torch/version.py").write_text(f"debug = False\ncuda: str | None = {cuda}\n")
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(CLOSED)
    monkeypatch.setattr(gpus, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)


@pytest.mark.parametrize(
    ("cuda", "said"),
    [("'13.0'", "driver 535.104.05 is too old"), ("None", "a build without CUDA"), ("'12.8'", "")],
)
def test_why_there_is_no_gpu(tmp_path, monkeypatch, cuda, said):
    old_machine(tmp_path, monkeypatch, cuda)
    assert re.search(said, driver.why_no_gpu())
    assert (driver.why_no_gpu() == "") == (said == "")


def test_nvidias_forward_compatibility_is_left_alone(tmp_path, monkeypatch):
    old_machine(tmp_path, monkeypatch)
    assert driver.driver_fault()
    (tmp_path / "compat").mkdir()
    (tmp_path / "compat/libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}/compat")
    assert driver.driver_fault() is None


def test_the_installed_torch_is_read_and_not_imported():
    import torch

    assert cuda_of_torch() == torch.version.cuda
    code = "import sys; from gen2embed.machine.driver import cuda_of_torch as c; c();"
    subprocess.run(
        [sys.executable, "-c", f"{code} assert 'torch' not in sys.modules"],
        env={"PYTHONPATH": str(SCRIPTS)},
        check=True,
    )


def test_it_ends_what_needs_a_gpu_and_warns_the_rest(tmp_path, monkeypatch, capsys):
    old_machine(tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"535\.104\.05 is too old"):
        driver.check_driver(needed=True)
    assert capsys.readouterr().err == ""
    driver.check_driver(needed=False)
    assert "535.104.05 is too old" in capsys.readouterr().err
