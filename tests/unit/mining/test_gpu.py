"""Who searches on a GPU: FAISS, else torch, else the CPU; by stand-ins, there is no GPU here.

FAISS is tried in a process of its own: there a package in a folder stands for it.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gen2embed.errors import InputError
from gen2embed.machine import gpus
from gen2embed.mining import gpu
from gen2embed.mining.backends import on_cpu
from gen2embed.mining.gpu import FaissGpu, TorchNeighbours, neighbours_on

VECTORS = np.eye(4, 8, dtype=np.float32)
STAND_IN = """
import os, sys, time
from types import SimpleNamespace
import numpy as np
cvar, METRIC_INNER_PRODUCT, knn, omp_set_num_threads = SimpleNamespace(), 0, None, None
def get_num_gpus():
    {counting}
    return 1
class StandardGpuResources:
    pass
class GpuIndexFlatIP:
    def __init__(self, resources, dim):
        assert dim == 8
    def add(self, chunk):
        self.chunk = chunk
    def search(self, vectors, count):
        {searching}
        scores = vectors @ self.chunk.T
        rows = np.argsort(-scores, axis=1)[:, :count]
        return np.take_along_axis(scores, rows, axis=1), rows
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A machine with no sign of a GPU, and nothing chosen yet."""
    monkeypatch.setattr(gpus, "ROOT", tmp_path / "bare")
    monkeypatch.setenv("PATH", str(tmp_path))
    gpu._who_searches.cache_clear()
    yield
    gpu._who_searches.cache_clear()


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """stand_in(counting, searching): FAISS's GPU build, which does that before; in the trial."""

    def put(counting="pass", searching="pass"):
        (tmp_path / "faiss").mkdir()
        text = STAND_IN.format(counting=counting, searching=searching)
        (tmp_path / "faiss" / "__init__.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(gpu, "faiss", SimpleNamespace(StandardGpuResources=object))

    return put


def a_driver(monkeypatch, tmp_path, version="580.65.06"):
    path = tmp_path / "driver/proc/driver/nvidia/version"
    path.parent.mkdir(parents=True)
    path.write_text(f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Sat\n")
    monkeypatch.setattr(gpus, "ROOT", tmp_path / "driver")


class OnTheCpu(TorchNeighbours):
    """torch's search as if its CPU device were the GPU."""

    def __init__(self, device):
        super().__init__("cpu")
        self.asked = device


def test_faiss_searches_where_it_works(stand_in, capsys):
    stand_in()
    assert isinstance(neighbours_on("auto"), FaissGpu)
    assert isinstance(neighbours_on("cuda"), FaissGpu)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"searching": "raise RuntimeError('no kernel image')"}, "RuntimeError: no kernel image"),
        ({"counting": "raise RuntimeError('CUDA error 35')"}, "RuntimeError: CUDA error 35"),
        ({"searching": "sys.stderr.write('err == cudaSuccess failed\\n'); os.abort()"}, "cudaSucc"),
        ({"searching": "os._exit(7)"}, "exit status 7"),
        ({"searching": "return 0 * vectors[:, :1], np.zeros((4, 1), int)"}, "wrong neighbours"),
        ({"searching": "time.sleep(60)"}, "no answer within 2 s"),
    ],
)
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_where_faiss_does_not_torch_searches_and_a_line_says_so(
    stand_in, monkeypatch, tmp_path, capsys, device, fault, said
):
    """Also where FAISS takes its process with it."""
    monkeypatch.setattr(gpu, "TRIAL_SECONDS", 2 if "sleep" in str(fault) else 60)
    monkeypatch.setattr(gpu, "TorchNeighbours", OnTheCpu)
    a_driver(monkeypatch, tmp_path)
    stand_in(**fault)
    one, other = neighbours_on(device), neighbours_on(device)
    assert isinstance(one, OnTheCpu) and one.asked == "cuda"
    assert one.chunks == {} and one is not other  # nothing of the trial or another subset is left
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("FAISS does not search on this GPU (") and said in line


def test_without_a_gpu_for_faiss_nothing_is_said(stand_in, capsys):
    stand_in(counting="return 0")
    assert neighbours_on("auto") is on_cpu
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: no kernel image\nmore"), OSError("libcuda"), ValueError()]
)
def test_where_torch_does_not_either_the_cpu_searches_or_a_line_ends_it(
    monkeypatch, tmp_path, capsys, error
):
    class Broken(OnTheCpu):
        def __call__(self, *_):
            raise error

    monkeypatch.setattr(gpu, "TorchNeighbours", Broken)
    a_driver(monkeypatch, tmp_path)
    assert neighbours_on("auto") is on_cpu
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("no GPU is used, the CPU searches (") and "more" not in line
    with pytest.raises(InputError, match="or use --device cpu") as ended:
        neighbours_on("cuda")
    assert "\n" not in str(ended.value)


def test_no_gpu_is_one_line_and_auto_does_without():
    with pytest.raises(InputError, match=r"--device cuda: there is no GPU here.*--device cpu"):
        neighbours_on("cuda")
    assert neighbours_on("auto") is on_cpu
    assert neighbours_on("cpu") is on_cpu


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_driver_that_is_too_old_is_named(monkeypatch, tmp_path, capsys, device):
    a_driver(monkeypatch, tmp_path, "470.57.02")
    monkeypatch.setattr("gen2embed.machine.driver.cuda_of_torch", lambda: "13.0")
    if device == "cuda":
        with pytest.raises(InputError) as ended:
            neighbours_on(device)
        said = str(ended.value)
    else:
        assert neighbours_on(device) is on_cpu
        said = capsys.readouterr().err
    assert "driver 470.57.02 is too old" in said


def test_torch_is_not_imported_where_there_is_no_sign_of_a_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail, and say so
    assert neighbours_on("auto") is on_cpu
    with pytest.raises(InputError, match="needs faiss-gpu or torch"):
        neighbours_on("cuda")
