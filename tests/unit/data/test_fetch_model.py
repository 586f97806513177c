"""fetch_model.py: a hub model, an adapter with its base, a local folder; from the loopback hub."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from gen2embed.files import read_json
from hub_server import HubServer, commit_of

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "fetch_model.py"
spec = importlib.util.spec_from_file_location("fetch_model", SCRIPT)
fetch_model = importlib.util.module_from_spec(spec)
sys.modules["fetch_model"] = fetch_model
spec.loader.exec_module(fetch_model)
BASE, SAHA = "Qwen/Qwen2-VL-2B-Instruct", "Y-J-Ju/SaHa-Qwen2-VL-2B-Instruct"


@pytest.fixture
def models(tmp_path):
    """The register's 2B model, and the authors' as an adapter of it."""
    files = {
        f"{BASE}/config.json": '{"model_type": "qwen2_vl"}',
        f"{BASE}/model-00001-of-00001.safetensors": "base weights",
        f"{BASE}/tokenizer.json": "{}",
        f"{BASE}/merges.txt": "",
        f"{BASE}/figures/photo.json": "{}",
        f"{BASE}/pytorch_model.bin": "a pickle",
        f"{SAHA}/adapter_config.json": json.dumps({"base_model_name_or_path": BASE}),
        f"{SAHA}/adapter_model.safetensors": "adapter weights",
    }
    for name, text in files.items():
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "models"


@pytest.fixture
def fetch(models, tmp_path, monkeypatch):
    """fetch(*flags) with the hub that serves these models; the exit status."""
    with HubServer(models) as hub:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        common = ["--lock", str(tmp_path / "lock.json"), "--out", str(tmp_path / "model")]
        yield lambda *flags: fetch_model.main([*common, "--tries", "2", "--pause", "0.01", *flags])


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_model_of_the_register(fetch, tmp_path):
    """Weights as safetensors, configuration and tokenizer; no pickles beside them, no folders."""
    assert fetch("--model", "Qwen2-VL-2B-Instruct") == 0
    model = tmp_path / "model"
    assert names(model) == sorted(
        ["config.json", "model-00001-of-00001.safetensors", "tokenizer.json", "merges.txt",
         "source.json"]
    )  # fmt: skip
    assert (model / "model-00001-of-00001.safetensors").read_text() == "base weights"
    assert read_json(model / "source.json") == {"model": BASE, "revision": commit_of(BASE)}
    assert read_json(tmp_path / "lock.json")[BASE]["revision"] == commit_of(BASE)


def test_a_released_adapter_stands_beside_its_base(fetch, tmp_path):
    assert fetch("--model", "SaHa-Qwen2-VL-2B-Instruct") == 0
    model = tmp_path / "model"
    assert names(model / "adapter") == ["adapter_config.json", "adapter_model.safetensors"]
    assert (model / "config.json").is_file()
    assert read_json(model / "source.json")["model"] == SAHA
    assert set(read_json(tmp_path / "lock.json")) == {BASE, SAHA}


def test_an_adapters_own_processor_comes_with_it(fetch, models, tmp_path):
    """It says for how many pixels the adapter was trained; the base model's says its own."""
    (models / SAHA / "preprocessor_config.json").write_text('{"max_pixels": 2}')
    (models / BASE / "preprocessor_config.json").write_text('{"max_pixels": 1}')
    assert fetch("--model", "SaHa-Qwen2-VL-2B-Instruct") == 0
    model = tmp_path / "model"
    assert read_json(model / "adapter" / "preprocessor_config.json") == {"max_pixels": 2}
    assert read_json(model / "preprocessor_config.json") == {"max_pixels": 1}


@pytest.mark.parametrize(
    "shards", [["pytorch_model.bin"], [f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)]]
)
@pytest.mark.parametrize("how", ["hub", "copy", "folder"])
def test_pickled_weights_where_there_are_no_safetensors(fetch, models, tmp_path, shards, how):
    """And no other pickles; those of a local folder are linked, whatever it holds."""
    folder = models / BASE
    (folder / "model-00001-of-00001.safetensors").unlink()
    (folder / "pytorch_model.bin").unlink()
    others = [] if how == "folder" else ["training_args.bin", "optimizer.bin"]
    for name in (*shards, *others):
        (folder / name).write_text(name)
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    named = {"hub": (BASE,), "copy": (BASE, "--source", str(models)), "folder": (str(folder),)}
    assert fetch("--model", *named[how]) == 0
    assert sorted(path.name for path in (tmp_path / "model").glob("*.bin")) == shards
    assert (tmp_path / "model" / "pytorch_model.bin.index.json").is_file()


def test_a_pickled_adapter_beside_a_base_of_safetensors(fetch, models, tmp_path):
    (models / SAHA / "adapter_model.safetensors").rename(models / SAHA / "adapter_model.bin")
    assert fetch("--model", "SaHa-Qwen2-VL-2B-Instruct") == 0
    model = tmp_path / "model"
    assert names(model / "adapter") == ["adapter_config.json", "adapter_model.bin"]
    assert [path.name for path in model.glob("*.bin")] == []


def test_a_hub_id_that_the_register_has_not(fetch, models, tmp_path):
    (models / "some").mkdir()
    (models / BASE).rename(models / "some" / "model")
    assert fetch("--model", "some/model") == 0
    assert read_json(tmp_path / "model/source.json")["model"] == "some/model"


def test_local_folders_and_copies(fetch, models, tmp_path):
    assert fetch("--model", str(models / BASE)) == 0
    told = read_json(tmp_path / "model/source.json")
    assert told == {"model": "Qwen2-VL-2B-Instruct", "revision": None}
    assert fetch("--model", "Qwen2-VL-2B-Instruct", "--source", str(models)) == 0
    told = read_json(tmp_path / "model/source.json")
    assert told == {"model": BASE, "revision": "local"}


def test_a_folder_that_a_study_made(fetch, models, tmp_path):
    """results/<experiment>/model, or one that was exported: its marks are not the new folder's, or
    Snakemake takes the link to its old time stamp for the new folder's age, and gives up."""
    made = models / BASE
    marks = {".snakemake_timestamp": "", ".gen2embed": "of export_model.py"}
    for name, text in marks.items():
        (made / name).write_text(text)
    assert fetch("--model", str(made)) == 0
    out = tmp_path / "model"
    assert not (out / ".snakemake_timestamp").exists() and not (out / ".gen2embed").is_symlink()
    assert (out / "tokenizer.json").resolve() == made / "tokenizer.json"
    assert {name: (made / name).read_text() for name in marks} == marks


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("GPT", "unknown model 'GPT'; known: Qwen2-VL-2B-Instruct"),
        ("no/body", "no/body at main: the hub has no such repository"),
        ("Qwen2-VL-7B-Instruct", "Qwen/Qwen2-VL-7B-Instruct at main: the hub has no such"),
    ],
)
def test_faults_are_one_line_and_no_folder(fetch, tmp_path, capsys, model, said):
    assert fetch("--model", model) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("fetch_model: ") and said in line
    assert not (tmp_path / "model").exists()


def test_a_repository_without_a_model_is_one_line(fetch, models, capsys):
    (models / BASE / "model-00001-of-00001.safetensors").unlink()
    (models / BASE / "pytorch_model.bin").rename(models / BASE / "optimizer.bin")
    assert fetch("--model", "Qwen2-VL-2B-Instruct") == 2
    assert "holds no model (config.json or adapter_config.json" in capsys.readouterr().err
