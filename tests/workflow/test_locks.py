"""The locks: what is asked for is in them, and the GPU's is the CPU's but for what a GPU needs."""

import re

import pytest
from packaging.utils import canonicalize_name

import resolve_lock
from workflow.conftest import ROOT

CPU, GPU = ROOT / "requirements.lock", ROOT / "requirements-gpu.lock"
NEEDED_BY_A_GPU = re.compile(r"cuda-|nvidia-|triton$|setuptools$")  # by torch or faiss-gpu


def pins(path):
    found = {}
    for line in resolve_lock.lines_of(path):
        name, version = re.fullmatch(r"([\w.-]+)={2,3}([\w.]+)", line).groups()
        assert canonicalize_name(name) not in found, line
        found[canonicalize_name(name)] = version
    return found


@pytest.mark.parametrize("path", [CPU, GPU], ids=lambda path: path.stem)
def test_a_lock_is_sorted_and_pins_everything(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines, key=str.lower) and pins(path)


def test_what_is_asked_for_is_in_the_lock():
    locked = pins(CPU)
    for line in resolve_lock.lines_of(ROOT / "requirements.in"):
        name, _, version = line.partition("==")
        assert locked[canonicalize_name(name)] == version or not version, line


def test_the_gpu_lock_is_the_cpu_lock_but_for_what_a_gpu_needs():
    cpu, gpu = pins(CPU), pins(GPU)
    assert set(cpu) - set(gpu) == {"faiss-cpu"}  # both builds are the module faiss: one alone
    added = set(gpu) - set(cpu)
    assert {name for name in added if not NEEDED_BY_A_GPU.match(name)} == {"faiss-gpu"}
    assert {name: gpu[name] for name in cpu if name in gpu} == {
        name: version for name, version in cpu.items() if name in gpu
    }
    assert gpu["faiss-gpu"] == cpu["faiss-cpu"]


def test_the_gpu_lock_takes_no_cpu_build_of_torch():
    """2.13.0+cpu is a 2.13.0 to pip, and the newer one."""
    assert "torch===2.13.0" in GPU.read_text(encoding="utf-8").splitlines()
    for line in resolve_lock.lines_of(ROOT / "requirements-gpu.in"):
        assert line in GPU.read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_pip_finds_the_gpu_lock_whole_and_without_contradiction(tmp_path):
    """From what every package of the index says that it requires; none is downloaded."""
    found = resolve_lock.resolved(resolve_lock.lines_of(GPU), tmp_path)
    assert {canonicalize_name(name): version for name, version in found.items()} == pins(GPU)
