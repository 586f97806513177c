"""One study has one form of input: files that were made with another are refused in one line."""

import argparse
import json
from dataclasses import asdict
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.files import write_npy, write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters
from gen2embed.models.folders.adapters import check_form
from gen2embed.models.pixel_limits import PixelLimits, limits_of_folder, limits_of_job
from gen2embed.models.pixel_limits import add_flags as add_pixel_flags
from gen2embed.prompts.input_form import CHOICES, InputForm, add_flags, check_same, form_of
from gen2embed.training.inputs import read_inputs

forms = st.builds(InputForm, **{name: st.sampled_from(of) for name, of in CHOICES.items()})


@given(forms, forms)
def test_any_difference_is_refused_and_nothing_else(one, other):
    if one == other:
        check_same(asdict(one), asdict(other), "a and b")
        return
    with pytest.raises(InputError, match="a and b: made with other inputs"):
        check_same(asdict(one), asdict(other), "a and b")


def test_what_is_not_known_fits_any():
    check_same(None, asdict(InputForm()), "a and b")
    check_same({"form": "stock"}, {"truncate": "right"}, "a and b")


@given(forms)
def test_flags_name_every_form(form):
    parser = argparse.ArgumentParser()
    add_flags(parser)
    words = [
        f"--{name.replace('_', '-') if name != 'form' else 'input-form'}={value}"
        for name, value in asdict(form).items()
    ]
    assert form_of(parser.parse_args(words)) == form
    assert form_of(parser.parse_args([])) == InputForm()


def test_an_unknown_choice_is_refused():
    with pytest.raises(InputError, match="unknown form 'theirs'; known: stock, authors"):
        InputForm("theirs")


@pytest.fixture
def vectors(tmp_path):
    """Eight pairs, their vectors with manifests in the stock form, rows to score."""
    rng = np.random.default_rng(0)
    for side in ("q", "t"):
        rows = rng.standard_normal((8, 4))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        write_npy(tmp_path / f"{side}.npy", rows.astype(np.float32))
        (tmp_path / f"{side}.json").write_text(json.dumps({"input": asdict(InputForm())}))
    ids = np.arange(8)
    pairs = pd.DataFrame({"pair_id": ids, "query_id": ids, "target_id": ids})
    write_parquet(tmp_path / "p.parquet", pairs, {"subset": "toy", "labelled": "false"})
    lists = [[one, (one + 1) % 8] for one in range(8)]
    rows = pd.DataFrame({"row_id": ids, "query_id": ids, "candidate_ids": lists})
    write_parquet(tmp_path / "r.parquet", rows)
    return tmp_path


def another(path):
    path.write_text(json.dumps({"input": asdict(InputForm("authors"))}))


def program(name, folder, **more):
    flags = {"query-embeddings": folder / "q.npy", "target-embeddings": folder / "t.npy", **more}
    return import_module(name).main([f"--{key}={value}" for key, value in flags.items()])


@pytest.mark.parametrize("name", ["mine_negatives", "score_subset"])
def test_two_sides_of_two_forms(vectors, capsys, name):
    more = {"pairs": vectors / "p.parquet", "strategy": "saha", "k": 2, "m": 1}
    if name == "score_subset":
        more = {"rows": vectors / "r.parquet", "subset": "toy"}
    more["out"] = vectors / ("c.parquet" if name == "mine_negatives" else "s.json")
    another(vectors / "t.json")
    assert program(name, vectors, **more) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "made with other inputs (form: stock and authors)" in said[0]
    assert not more["out"].exists()
    another(vectors / "q.json")
    assert program(name, vectors, **more) == 0


def test_clusters_of_another_form_are_not_trained_on(vectors):
    """Mined with the authors' inputs and trained with the stock ones: other negatives are hard."""
    for side in ("query", "target"):
        items = pd.DataFrame({"item_id": range(8), "text": list("abcdefgh"), "image_path": ""})
        write_parquet(vectors / f"{side}.parquet", items)
    table = ClusterTable(
        anchor_pair=np.array([0]),
        phase=np.ones(1, dtype=np.int8),
        starts=np.array([0, 1]),
        negative_pairs=np.array([1]),
        hardness=np.zeros(1),
        overlap=np.zeros(1),
    )
    mined = {"strategy": "hns", "input": json.dumps(asdict(InputForm("authors")))}
    write_clusters(vectors / "c.parquet", table, mined)
    files = [[str(vectors / "p.parquet")], [str(vectors / "c.parquet")]]
    files += [str(vectors / f"{side}.parquet") for side in ("query", "target")]
    with pytest.raises(InputError, match=r"this training and .*c\.parquet: made with other"):
        read_inputs(*files, None, asdict(InputForm()), 1.0, 0, 0)
    read_inputs(*files, None, asdict(InputForm("authors")), 1.0, 0, 0)


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        ({"min_pixels": 3136, "max_pixels": 12845056}, (3136, 12845056)),
        ({"size": {"shortest_edge": 200704, "longest_edge": 1003520}}, (200704, 1003520)),
        ({"size": {"min_pixels": 1, "max_pixels": 2}, "min_pixels": None}, (1, 2)),
        ({"size": {"min_pixels": 1, "max_pixels": 2}, "max_pixels": 4}, (1, 4)),
        ({"max_pixels": 1003520}, (None, 1003520)),
        ({"size": {"shortest_edge": 336}}, (None, None)),
        ({"size": 336}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_a_folders_own_limits_of_pixels(tmp_path, facts, limits):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts))
    assert limits_of_folder(tmp_path) == PixelLimits(*limits)
    checkpoint = tmp_path / "checkpoints" / "step-1"
    checkpoint.mkdir(parents=True)
    assert limits_of_folder(checkpoint) == PixelLimits(*limits)
    assert limits_of_folder(None) == limits_of_folder(tmp_path / "none") == PixelLimits()


def test_a_checkpoint_named_from_within_has_its_trainings_limits_and_card(tmp_path, monkeypatch):
    facts = {"min_pixels": 20000, "max_pixels": 40000}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts))
    (tmp_path / "card.json").write_text(json.dumps({"input": asdict(InputForm("authors"))}))
    (tmp_path / "checkpoints" / "step-1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "checkpoints")
    assert limits_of_folder("step-1") == PixelLimits(20000, 40000)
    with pytest.raises(InputError, match="this and step-1: made with other inputs"):
        check_form(InputForm(), "step-1", "this")


@pytest.mark.parametrize(
    "facts", [[], {"min_pixels": "many"}, {"min_pixels": 2, "max_pixels": 1}, {"max_pixels": -1}]
)
def test_a_folders_limits_that_cannot_be_name_the_file(tmp_path, facts):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"preprocessor_config\.json: its limits of pixels cannot"):
        limits_of_folder(tmp_path)


@pytest.mark.parametrize("limits", [(0, None), (None, -1), (2, 1)])
def test_limits_that_cannot_be(limits):
    with pytest.raises(InputError, match="-pixels is"):
        PixelLimits(*limits)


@pytest.mark.parametrize("wrong", ["0", "-1"])
def test_a_limit_of_no_pixels_is_refused_not_left_open(wrong):
    """Also where an adapter's folder could say another."""
    parser = argparse.ArgumentParser()
    add_pixel_flags(parser)
    for flag in ("--min-pixels", "--max-pixels"):
        job = parser.parse_args([f"{flag}={wrong}"])
        with pytest.raises(InputError, match=f"{flag} is {wrong}; give at least 1"):
            limits_of_job(job)
