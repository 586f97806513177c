"""Weights that hold nan, overflow or nothing: sound vectors, or one line and no output."""

import io
import shutil
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.models.encoding.numbers_given import check_given
from unit.models.test_embed_program import run
from unit.training.test_train_program import job, run_here  # noqa: F401  (a fixture)


def spoilt(tiny, folder, name, value, whole):
    """A copy of the tiny model with that value in a weight, or in one element of it."""
    shutil.copytree(tiny.folder, folder / "model", dirs_exist_ok=True)
    weights = load_file(folder / "model" / "model.safetensors")
    if whole:
        weights[name] = torch.full_like(weights[name], value)
    else:
        weights[name].view(-1)[0] = value
    save_file(weights, folder / "model" / "model.safetensors", metadata={"format": "pt"})
    return str(folder / "model")


@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_an_embedding_is_sound_or_one_line(tiny, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("spoilt")
    names = sorted(load_file(tiny.folder / "model.safetensors"))
    value = data.draw(st.sampled_from([float("nan"), float("inf"), 3e38, 0.0]))
    model = spoilt(tiny, folder, data.draw(st.sampled_from(names)), value, data.draw(st.booleans()))
    texts, images = ["<|image_1|>\nred?", "tram"], ["0.png", ""]
    frame = pd.DataFrame({"item_id": [0, 1], "text": texts, "image_path": images})
    write_parquet(folder / "items.parquet", frame)
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        status = run(tiny, folder / "items.parquet", model=model)
    if status == 0:
        lengths = np.linalg.norm(np.load(folder / "out.npy").astype(np.float64), axis=1)
        assert lengths == pytest.approx(1, abs=1e-3)
    else:
        lines = [line for line in said.getvalue().splitlines() if line.startswith("embed_items: ")]
        assert status == 2 and len(lines) == 1 and "items.parquet: row " in lines[0]
        assert not (folder / "out.npy").exists() and "Traceback" not in said.getvalue()


def test_training_ends_in_one_line(job, tiny, tmp_path, capsys):  # noqa: F811
    names = sorted(load_file(tiny.folder / "model.safetensors"))
    name = next(name for name in names if name.endswith("layers.0.mlp.down_proj.weight"))
    model = spoilt(tiny, tmp_path, name, float("nan"), whole=True)
    assert run_here(job, tmp_path, model=model) == 2
    said = capsys.readouterr().err
    assert "train_adapter: step 1: the loss is nan" in said and "Traceback" not in said
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[1.0, 0.0], [np.nan, 0.0]], "x 8: the model gives values that are not finite; take"),
        ([[1.0, 0.0], [np.inf, 0.0]], "x 8: the model gives values that are not finite; take"),
        ([[0.0, 0.0], [np.nan, 0.0]], "x 5: the model gives zeros; take --dtype fp32, or check"),
    ],
)
def test_the_first_is_named(vectors, said):
    with pytest.raises(InputError) as end:
        check_given(np.array(vectors), [5, 8], "x")
    assert str(end.value).startswith(said)


def test_what_rounding_makes_is_sound():
    check_given(np.array([[0.6, 0.8], [1.0011, 0.0]]), [0, 1], "x")
