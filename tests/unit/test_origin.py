"""Files of another origin: every pair of files that a program reads together, one of them foreign.

A small chain is made by the programs themselves: items, pairs, rows, equivalences; vectors beside
their manifests; clusters. A second one of other data lies beside it.
"""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen2embed.artifacts.embedding_files import checksums, load_with_manifest
from gen2embed.artifacts.origin import check_one_run, check_strategy
from gen2embed.errors import InputError
from gen2embed.files import (
    digest_file,
    read_json,
    read_parquet,
    write_csv,
    write_embeddings,
    write_json,
    write_parquet,
)
from gen2embed.training.inputs import read_inputs

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ROWS, DIM = 24, 8


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module.main


prepare, mine, score = map(load, ("prepare_items", "mine_negatives", "score_subset"))
export, measure, merge = map(
    load, ("export_negatives", "measure_false_negatives", "merge_embeddings")
)


def embed(folder, part, side, seed, **facts):
    """Random unit vectors of a part's items, with a manifest as embed_items.py writes it."""
    items = folder / f"items/{part}_{side}.parquet"
    n = len(read_parquet(items, ["item_id"])[0])
    vectors = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    out = folder / f"vectors/{part}_{side}.npy"
    out.parent.mkdir(exist_ok=True)
    write_embeddings(out, vectors, np.ones(n, dtype=bool))
    manifest = {"model": "m", "model_digest": "1", "adapter_digest": None, "prompt": "plain"}
    manifest |= {"items": n, "dim": DIM, "items_digest": digest_file(items), **facts}
    write_json(out.with_suffix(".json"), manifest | checksums(out))


def chain(folder, word, **facts):
    """Two training subsets and one evaluation set whose texts hold ``word``."""
    data = folder / "data"
    names = ["part", "name", "meta_task", "split", "labelled", "target_role", "rows"]
    lines = [("train", name, "vqa", "ind", "false", "target", ROWS) for name in ("S", "T")]
    lines.append(("eval", "E", "vqa", "ind", "false", "target", ROWS))
    write_csv_of(data / "datasets.csv", pd.DataFrame(lines, columns=names))
    numbers = np.arange(ROWS)
    for name in ("S", "T"):
        frame = pd.DataFrame({"qry": [f"{word} {name} question {n}" for n in numbers]})
        frame["pos_text"] = [f"{word} {name} answer {n}" for n in numbers]
        frame["qry_image_path"], frame["pos_image_path"] = "", ""
        write_parquet(data / f"train/{name}/diverse_instruction-00000.parquet", frame)
        known = pd.DataFrame({"row": [0], "text": frame["pos_text"][1:2].to_list()})
        write_parquet(data / f"train/{name}/equivalences.parquet", known.assign(image_path=""))
    frame = pd.DataFrame({"qry_text": [f"{word} eval question {n}" for n in numbers]})
    frame["tgt_text"] = [[f"{word} option {(n + k) % ROWS}" for k in range(4)] for n in numbers]
    frame["qry_img_path"], frame["tgt_img_path"] = "", [[""] * 4] * ROWS
    write_parquet(data / "eval/E/test-00000.parquet", frame)
    assert prepare([f"--data={data}", f"--out={folder}"]) == 0
    for part in ("train", "eval"):
        for seed, side in enumerate(("query", "target")):
            embed(folder, part, side, seed, **facts)
    for name in ("S", "T"):
        assert run(mine, folder, mined(name)) == 0


def write_csv_of(path, frame):
    path.parent.mkdir(parents=True)
    write_csv(path, frame)


def mined(name, strategy="hns"):
    return {
        "pairs": f"pairs/{name}.parquet",
        "query-embeddings": "vectors/train_query.npy",
        "target-embeddings": "vectors/train_target.npy",
        "strategy": strategy,
        "k": 2,
        "m": 2,
        "device": "cpu",
        "threads": 1,
        "out": f"clusters/{strategy}/{name}.parquet",
    }


SCORED = {
    "rows": "rows/E.parquet",
    "query-embeddings": "vectors/eval_query.npy",
    "target-embeddings": "vectors/eval_target.npy",
    "subset": "E",
    "out": "score.json",
}
EXPORTED = {
    "pairs": "pairs/S.parquet",
    "clusters": "clusters/hns/S.parquet",
    "query-items": "items/train_query.parquet",
    "target-items": "items/train_target.parquet",
    "format": "jsonl",
    "out": "out.jsonl",
}
MEASURED = {
    "pairs": "pairs/S.parquet",
    "equivalences": "equivalences/train/S.parquet",
    "clusters": "clusters/hns/S.parquet",
    "draws": 20,
    "out": "rates.json",
}
MINED = mined("S")


def run(main, folder, flags, **changed):
    words = []
    for flag, value in {**flags, **changed}.items():
        path = Path(str(value))
        words.append(f"--{flag}={folder / path if '/' in str(value) or path.suffix else value}")
    return main(words)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """ours/ and theirs/, which differ in every text; only read by the tests."""
    above = tmp_path_factory.mktemp("origin")
    chain(above / "ours", "red")
    chain(above / "theirs", "blue")
    return above


@pytest.fixture
def ours(made, tmp_path):
    shutil.copytree(made / "ours", tmp_path / "ours")
    return tmp_path / "ours"


FOREIGN = [
    (mine, MINED, "pairs", "theirs"),
    (mine, MINED, "query-embeddings", "theirs"),
    (mine, MINED, "target-embeddings", "theirs"),
    (mine, MINED, "query-embeddings", "vectors/eval_query.npy"),
    (score, SCORED, "rows", "theirs"),
    (score, SCORED, "query-embeddings", "theirs"),
    (score, SCORED, "target-embeddings", "theirs"),
    (score, SCORED, "target-embeddings", "vectors/train_target.npy"),
    (score, SCORED, "query-embeddings", "vectors/train_query.npy"),
    (score, SCORED, "subset", "F"),
    (export, EXPORTED, "pairs", "pairs/T.parquet"),
    (export, EXPORTED, "clusters", "clusters/hns/T.parquet"),
    (export, EXPORTED, "query-items", "theirs"),
    (export, EXPORTED, "target-items", "theirs"),
    (export, EXPORTED, "query-items", "items/eval_query.parquet"),
    (measure, MEASURED, "pairs", "pairs/T.parquet"),
    (measure, MEASURED, "clusters", "clusters/hns/T.parquet"),
    (measure, MEASURED, "equivalences", "equivalences/train/T.parquet"),
    (measure, MEASURED, "equivalences", "theirs"),
]


@pytest.mark.parametrize(
    "main, flags, flag, foreign",
    FOREIGN,
    ids=lambda value: str(getattr(value, "__module__", value))[:40],
)
def test_a_foreign_file_is_one_line(made, tmp_path, capsys, main, flags, flag, foreign):
    files = {name: str(made / "ours" / str(value)) if "/" in str(value) else value
             for name, value in flags.items()}  # fmt: skip
    files["out"] = tmp_path / Path(flags["out"]).name
    assert main([f"--{name}={value}" for name, value in files.items()]) == 0
    files["out"] = tmp_path / f"again{Path(flags['out']).suffix}"
    if foreign == "theirs":
        files[flag] = made / "theirs" / flags[flag]
    else:
        files[flag] = made / "ours" / foreign if "/" in foreign else foreign
    capsys.readouterr()
    assert main([f"--{name}={value}" for name, value in files.items()]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and ("give" in said or "embed" in said or "make" in said)
    assert not files["out"].exists()


def training(folder, **changed):
    files = {"pairs": ["pairs/S.parquet"], "clusters": ["clusters/hns/S.parquet"]}
    files |= {"query_items": "items/train_query.parquet"}
    files |= {"target_items": "items/train_target.parquet"}
    paths = {
        name: [str(folder / path) for path in value] if isinstance(value, list) else
        str(folder / value) for name, value in {**files, **changed}.items()
    }  # fmt: skip
    return read_inputs(**paths, prompt=None, form={}, fraction=1.0, row_cap=0, seed=0)


@pytest.mark.parametrize(
    "changed",
    [
        {"pairs": ["pairs/T.parquet"]},
        {"clusters": ["clusters/hns/T.parquet"]},
        {"clusters": ["../theirs/clusters/hns/S.parquet"], "pairs": ["../theirs/pairs/S.parquet"]},
        {"query_items": "../theirs/items/train_query.parquet"},
        {"target_items": "items/eval_target.parquet"},
        {
            "pairs": ["pairs/S.parquet"] * 2,
            "clusters": ["clusters/hns/S.parquet"] * 2,
        },
    ],
)
def test_training_on_foreign_files(made, changed):
    assert training(made / "ours").clusters
    with pytest.raises(InputError):
        training(made / "ours", **changed)


def test_pairs_in_another_order_are_other_pairs(ours):
    path = ours / "pairs/S.parquet"
    frame, metadata = read_parquet(path, ["pair_id", "query_id", "target_id"])
    turned = frame.iloc[::-1].reset_index(drop=True).assign(pair_id=frame["pair_id"])
    write_parquet(path, turned, metadata)
    assert run(export, ours, EXPORTED) == 2
    assert run(measure, ours, MEASURED) == 2
    with pytest.raises(InputError, match="mined from other pairs"):
        training(ours)


@pytest.mark.parametrize("flags, main, key", [(MINED, mine, "pairs"), (SCORED, score, "rows")])
def test_twice_the_rows(ours, capsys, flags, main, key):
    path = ours / flags[key]
    columns = pd.read_parquet(path).columns
    frame, metadata = read_parquet(path, list(columns))
    write_parquet(path, pd.concat([frame, frame], ignore_index=True), metadata)
    assert run(main, ours, flags) == 2
    assert f"row {ROWS}" in capsys.readouterr().err


# --- One space of vectors ---

CHANGES = {"model": "other", "model_digest": "2", "adapter_digest": "a", "prompt": "hierarchical",
           "round_vectors": True, "revision": "beef"}  # fmt: skip


KEYS = st.sampled_from(sorted(CHANGES))


@given(
    here=st.dictionaries(KEYS, st.sampled_from(["x", None])),
    there=st.dictionaries(KEYS, st.sampled_from(["x", "y", None])),
)
def test_manifests_fit_or_tell_what_differs(here, there):
    digests = here.get("model_digest"), there.get("model_digest")
    named = () if digests == (None, None) else ("model", "revision")
    differ = {key for key in set(here) & set(there) - set(named) if here[key] != there[key]}
    if not differ:
        check_one_run(here, there, "a and b")
        return
    with pytest.raises(InputError, match="a and b: were made with different"):
        check_one_run(here, there, "a and b")


@pytest.mark.parametrize("key", ["model_digest", "adapter_digest", "prompt"])
@pytest.mark.parametrize("main, flags", [(mine, MINED), (score, SCORED)])
def test_vectors_of_another_model(ours, capsys, main, flags, key):
    path = (ours / flags["target-embeddings"]).with_suffix(".json")
    write_json(path, read_json(path) | {key: CHANGES[key]})
    assert run(main, ours, flags) == 2
    assert "share no space" in capsys.readouterr().err


def test_vectors_without_a_manifest_fit_anything(ours):
    for path in ours.glob("vectors/*.json"):
        path.unlink()
    assert run(mine, ours, MINED) == 0 and run(score, ours, SCORED) == 0


def test_a_strategy_where_another_is_read():
    check_strategy("a", {"strategy": "saha"}, "saha")
    check_strategy("a", {"strategy": "saha"}, "saha-k3-m3")
    check_strategy("a", {}, "saha")
    with pytest.raises(InputError, match="mined by 'hns'"):
        check_strategy("a", {"strategy": "hns"}, "saha")


# --- Checksums ---


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_of_vectors_is_never_silent(made, tmp_path, where, bit):
    for ending in (".npy", ".json"):
        shutil.copy(made / f"ours/vectors/eval_query{ending}", tmp_path / f"q{ending}")
    raw = bytearray((tmp_path / "q.npy").read_bytes())
    raw[int(where * len(raw))] ^= 1 << bit
    (tmp_path / "q.npy").write_bytes(raw)
    with pytest.raises(InputError, match=r"q\.npy"):
        load_with_manifest(tmp_path / "q.npy")


def test_valid_rows_are_summed_too(ours):
    path = ours / "vectors/eval_query.npy"
    vectors = np.array(np.load(path))
    vectors[3] = 0
    valid = np.arange(len(vectors)) != 3
    write_embeddings(path, vectors, valid)
    told = read_json(path.with_suffix(".json"))
    write_json(path.with_suffix(".json"), told | checksums(path))
    assert not load_with_manifest(path)[1][3]
    path.with_suffix(".valid.npy").unlink()
    with pytest.raises(InputError):
        load_with_manifest(path)


# --- Shards ---


def shards(folder, **changed):
    """Two shards of the evaluation queries; changed: of the second one's manifest."""
    vectors = np.array(np.load(folder / "vectors/eval_query.npy"))
    told = read_json(folder / "vectors/eval_query.json")
    bounds = [(0, 10), (10, len(vectors))]
    for number, (first, end) in enumerate(bounds):
        path = folder / f"shard{number}.npy"
        part = changed.get("vectors", vectors)[first:end] if number else vectors[first:end]
        write_embeddings(path, part, np.ones(len(part), dtype=bool))
        facts = told | {"shard": {"first_row": first, "end_row": end}, **checksums(path)}
        facts |= changed.get("manifest", {}) if number else {}
        write_json(path.with_suffix(".json"), facts)
    return merge(["--shards", str(folder / "shard0.npy"), str(folder / "shard1.npy"),
                  "--out", str(folder / "whole.npy")])  # fmt: skip


def test_shards_become_the_whole_file(ours):
    assert shards(ours) == 0
    assert digest_file(ours / "whole.npy") == digest_file(ours / "vectors/eval_query.npy")
    assert read_json(ours / "whole.json") == read_json(ours / "vectors/eval_query.json")


WIDER = np.eye(ROWS, dtype=np.float32)


@pytest.mark.parametrize(
    "changed",
    [
        {"vectors": WIDER, "manifest": {"dim": ROWS}},
        {"vectors": WIDER, "manifest": {"dim": DIM}},
        {"manifest": {"model_digest": "2"}},
        {"manifest": {"items_digest": "of others"}},
        {"manifest": {"more": 1}},
        {"manifest": {"shard": {"first_row": 0, "end_row": 14}}},
        {"manifest": {"shard": {"first_row": "10", "end_row": 24}}},
        {"manifest": {"shard": None}},
        {"manifest": {"items": None}},
        {"manifest": {"vectors_sha256": "0"}},
    ],
)
def test_unlike_shards_write_no_file(ours, capsys, changed):
    assert shards(ours, **changed) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (ours / "whole.npy").exists()


def test_float16_beside_float32(ours):
    half = np.eye(ROWS, DIM, dtype=np.float16)
    half[DIM:] = half[0]
    assert shards(ours, vectors=half) == 2
    assert not (ours / "whole.npy").exists()


def test_the_metadata_tell_where_files_come_from(made):
    """What the data dictionary promises."""
    _, pairs = read_parquet(made / "ours/pairs/S.parquet", ["pair_id"])
    _, clusters = read_parquet(made / "ours/clusters/hns/S.parquet", ["phase"])
    assert pairs["query_items"] == digest_file(made / "ours/items/train_query.parquet")
    assert len(clusters["pairs_digest"]) == 32 and json.loads(clusters["k"]) == 2


# --- Damage, through the programs themselves ---

PROGRAMS = {"mine": (mine, MINED), "score": (score, SCORED), "export": (export, EXPORTED)}
PROGRAMS["measure"] = (measure, MEASURED)
DAMAGE = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1, exclude_max=True), st.integers(0, 7)),
    st.tuples(st.just("cut"), st.floats(0, 1, exclude_max=True), st.just(0)),
    st.tuples(st.just("zero"), st.floats(0, 1, exclude_max=True), st.integers(1, 32)),
)


def damaged(whole, how, where, what):
    at = int(where * len(whole))
    if how == "flip":
        return whole[:at] + bytes([whole[at] ^ (1 << what)]) + whole[at + 1 :]
    return whole[:at] if how == "cut" else (whole[:at] + bytes(what) + whole[at + what :])


@pytest.mark.parametrize("name", PROGRAMS)
@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data(), damage=DAMAGE)
def test_damage_is_one_line_or_the_same_result(made, tmp_path, capsys, name, data, damage):
    main, flags = PROGRAMS[name]
    files = {flag: str(made / "ours" / str(value)) if "/" in str(value) else value
             for flag, value in flags.items()}  # fmt: skip
    paths = sorted(flag for flag, value in files.items() if "/" in str(value) and flag != "out")
    flag = data.draw(st.sampled_from(paths))
    source = Path(files[flag])
    out = tmp_path / Path(flags["out"]).name
    files["out"] = out
    assert main([f"--{key}={value}" for key, value in files.items()]) == 0
    right = out.read_bytes()
    out.unlink()
    for beside in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(beside, tmp_path / f"in_{beside.name}")
    spoilt = tmp_path / f"in_{source.name}"
    files[flag] = spoilt
    spoilt.write_bytes(damaged(source.read_bytes(), *damage))
    capsys.readouterr()
    if main([f"--{key}={value}" for key, value in files.items()]) == 2:
        assert capsys.readouterr().err.count("\n") == 1
        assert not out.exists()
    elif name != "mine":  # whose metadata repeat the pairs' own, and parquet sums no metadata
        assert out.read_bytes() == right
