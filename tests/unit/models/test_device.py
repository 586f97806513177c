"""Which device a model runs on, where there is no GPU: one line that says why, if it is known."""

import pytest

from gen2embed.errors import InputError
from gen2embed.models import device
from gen2embed.models.device import resolve_device


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(device, "take_gpus", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_driver_that_is_too_old_is_named(monkeypatch, capsys, name):
    monkeypatch.setattr("gen2embed.machine.driver.cuda_of_torch", lambda: "13.0")
    monkeypatch.setattr("gen2embed.machine.driver.driver_version", lambda: "535.104.05")
    with pytest.raises(InputError) as ended:
        resolve_device(name)
    assert f"device '{name}' is not available here" in str(ended.value)
    assert "driver 535.104.05 is too old" in str(ended.value) and "\n" not in str(ended.value)
    assert resolve_device("auto") == "cpu"
    assert "no GPU is used: NVIDIA's driver 535.104.05" in capsys.readouterr().err


def test_a_build_without_cuda_is_named(monkeypatch, capsys):
    monkeypatch.setattr("gen2embed.machine.driver.cuda_of_torch", lambda: None)
    with pytest.raises(InputError, match="this torch is a build without CUDA"):
        resolve_device("cuda")
    assert resolve_device("auto") == "cpu" and capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["xpu", "nonesuch"])
def test_of_other_devices_nothing_is_said_of_drivers(name):
    with pytest.raises(InputError) as ended:
        resolve_device(name)
    assert str(ended.value).endswith("try --device auto")
