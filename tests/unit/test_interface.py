"""The Python interface: by hand, against the programs, and from a wheel in a fresh environment."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import embed_items
import mine_negatives
import score_subset
from gen2embed import Embedder, InputError, mine, score
from gen2embed.files import write_embeddings, write_parquet
from unit.backbones import save_backbone, save_images
from workflow.conftest import ROOT


def unit(rows):
    vectors = np.asarray(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def drawn(count, seed):
    return unit(np.random.default_rng(seed).normal(size=(count, 8)))


def test_scores_by_hand():
    queries, targets = np.eye(3), np.eye(3)[[0, 2, 1]]
    found = score(queries, targets, [[0, 1], [1, 2], [1, 2, 0]])
    assert found.ranks.tolist() == [1, 2, 1]
    assert found.value == pytest.approx(2 / 3)
    assert found.ties == 0 and score(np.eye(2)[[0, 0]], np.eye(2)[[0, 0]], [[0, 1]]).ties == 1
    assert found.chance == pytest.approx((1 / 2 + 1 / 2 + 1 / 3) / 3)
    assert 0 <= found.ci_low <= found.value <= found.ci_high <= 1
    assert score(np.eye(2), np.eye(2), [[1, 0]], [0]).value == 0


def test_clusters_are_those_of_the_program(tmp_path):
    queries, targets = drawn(40, 0), drawn(30, 1)
    rng = np.random.default_rng(2)
    pairs = np.stack([np.arange(40), rng.integers(0, 30, 40)], axis=1)
    names = ("pair_id", "query_id", "target_id")
    columns = (np.arange(40), pairs[:, 0], pairs[:, 1])
    write_parquet(tmp_path / "p.parquet", pd.DataFrame(dict(zip(names, columns, strict=True))))
    write_embeddings(tmp_path / "q.npy", queries, np.ones(40, dtype=bool))
    write_embeddings(tmp_path / "t.npy", targets, np.ones(30, dtype=bool))
    for strategy in ("saha", "hns", "same_task"):
        flags = [
            "--strategy",
            strategy,
            "--k",
            "3",
            "--m",
            "2",
            "--out",
            str(tmp_path / "c.parquet"),
        ]
        files = ["--pairs", str(tmp_path / "p.parquet"), "--query-embeddings",
                 str(tmp_path / "q.npy"), "--target-embeddings",
                 str(tmp_path / "t.npy")]  # fmt: skip
        assert mine_negatives.main([*files, *flags]) == 0
        theirs = pd.read_parquet(tmp_path / "c.parquet")
        ours = mine(queries, targets, pairs, strategy=strategy, k=3, m=2)
        assert ours["anchor_pair"].tolist() == theirs["anchor_pair"].tolist()
        assert list(map(list, ours["negative_pairs"])) == list(map(list, theirs["negative_pairs"]))


def test_scores_are_those_of_the_program(tmp_path):
    """Value, interval, chance, ties, ranks, of lists of several lengths with ties among them."""
    queries, targets = drawn(50, 0), drawn(20, 1)
    targets[7] = targets[3]
    rng = np.random.default_rng(2)
    lists = [rng.permutation(20)[: rng.integers(2, 9)].tolist() for _ in range(60)]
    lists[:6] = [[3, 7]] * 3 + [[7, 3]] * 3  # twins
    asked = rng.integers(0, 50, 60)
    rows = pd.DataFrame({"row_id": range(60), "query_id": asked, "candidate_ids": lists})
    write_parquet(tmp_path / "rows.parquet", rows)
    write_embeddings(tmp_path / "q.npy", queries, np.ones(50, dtype=bool))
    write_embeddings(tmp_path / "t.npy", targets, np.ones(20, dtype=bool))
    named = {"rows": "rows.parquet", "query-embeddings": "q.npy", "target-embeddings": "t.npy"}
    flags = [f"--{flag}={tmp_path / name}" for flag, name in named.items()]
    assert score_subset.main([*flags, "--subset=Toy", f"--out={tmp_path / 's.json'}"]) == 0
    theirs = json.loads((tmp_path / "s.json").read_text())
    ours = score(queries, targets, lists, asked)
    assert ours.ties == theirs["ties"] and ours.ties >= 6
    for name in ("value", "ci_low", "ci_high", "chance"):
        assert getattr(ours, name) == pytest.approx(theirs[name], abs=1e-9), name
    ranks = pd.read_parquet(tmp_path / "s.predictions.parquet")["rank_of_positive"]
    assert ours.ranks.tolist() == ranks.tolist()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mine(2 * np.eye(3), np.eye(3)), "row 0 has length 2"),
        (lambda: mine(np.eye(3), np.eye(3)[:2]), "give pairs"),
        (lambda: mine(np.eye(3), np.eye(3), [(0, 3)]), "target 3"),
        (lambda: mine(np.eye(3), np.eye(3), strategy="best"), "unknown strategy"),
        (lambda: mine(np.eye(3), np.eye(3), k=0), "at least 1"),
        (lambda: mine(np.eye(3), np.eye(2)), "3 numbers"),
        (lambda: score(np.eye(3), np.eye(3), [[0], []], [0, 1]), "row 1 is empty"),
        (lambda: score(np.eye(3), np.eye(3), [[7]], [0]), "candidates 7"),
        (lambda: score(np.eye(3), np.eye(3), [[0]], [0, 1]), "2 queries for 1"),
    ],
)
def test_what_cannot_be_is_an_exception_of_one_line(call, said):
    with pytest.raises(InputError, match=said) as found:
        call()
    assert "\n" not in str(found.value)


def test_an_embedder_gives_the_programs_vectors(tmp_path):
    images = save_images(tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    save_backbone("qwen2_vl", model)
    texts, paths = ["red", "what?", ""], ["", "wide.png", "tall.png"]
    frame = pd.DataFrame({"item_id": range(3), "text": texts, "image_path": paths})
    write_parquet(tmp_path / "items.parquet", frame)
    flags = ["--model", str(model), "--prompt", "hierarchical", "--role", "target", "--items",
             str(tmp_path / "items.parquet"), "--image-root", str(images), "--device", "cpu",
             "--resolution", "native", "--max-tokens", "999", "--out",
             str(tmp_path / "v.npy")]  # fmt: skip
    assert embed_items.main(flags) == 0
    embedder = Embedder(model, device="cpu", max_tokens=999)
    inputs = ["red", {"text": "what?", "image": "wide.png"}, {"image": "tall.png"}]
    found = embedder.encode(inputs, "target", image_root=images)
    assert np.abs(found - np.load(tmp_path / "v.npy")).max() < 1e-6
    assert found.shape == (3, embedder.dim)
    assert (embedder.encode([], "query").shape) == (0, embedder.dim)
    for wrong, said in ((["a", 3], "row 1"), ("abc", "a list"), ([{"txt": ""}], "row 0")):
        with pytest.raises(InputError, match=said):
            embedder.encode(wrong)
    with pytest.raises(InputError, match="unknown role"):
        embedder.encode(["a"], "answer")


def test_mining_needs_no_torch():
    code = "import sys, gen2embed; gen2embed.mine; gen2embed.score; print('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


PAGE = (ROOT / "docs" / "interface.md").read_text(encoding="utf-8")


def test_the_pages_names_are_the_packages():
    import gen2embed

    named = re.findall(r"^\| `(\w+)", PAGE, re.M)
    assert set(named) == set(gen2embed.__all__) - {"Score"}
    assert "`Score`" in PAGE


def test_the_pages_example_runs(tmp_path, monkeypatch, capsys):
    """In a folder with what it names; what it prints is the score of its own vectors."""
    model = tmp_path / "results" / "mini" / "generator"
    model.mkdir(parents=True)
    save_backbone("qwen2_vl", model)
    save_images(tmp_path)
    for name, of in (("photo", "wide"), ("tram", "square")):
        (tmp_path / f"{of}.png").rename(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names = {}
    exec(compile(code, "docs/interface.md", "exec"), names)  # noqa: S102  the page's own
    queries, targets = names["queries"], names["targets"]
    assert queries.shape == targets.shape == (2, names["embedder"].dim)
    right = (queries * targets).sum(axis=1) > (queries * targets[::-1]).sum(axis=1)
    assert float(capsys.readouterr().out) == right.mean()
    assert names["clusters"]["negative_pairs"].map(list).tolist() == [[1]]


@pytest.mark.slow
def test_a_wheel_in_a_fresh_environment(tmp_path):
    """What the wheel needs is lent by this environment; the package itself is the wheel's."""
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("gen2embed-*.whl")
    subprocess.run(
        [sys.executable, "-m", "venv", str(tmp_path / "venv"), "--without-pip"], check=True
    )
    python = tmp_path / "venv" / "bin" / "python"
    install = [*pip, "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{Path(np.__file__).parents[1]}\n")
    code = (
        "import gen2embed, numpy as np; from gen2embed import Embedder, mine, score;"
        "from gen2embed.settings import setting; setting('train', 'temperature');"
        "e = np.eye(4, dtype='float32'); print(len(mine(e, e, k=1)), score(e, e, [[0, 1]]).value,"
        " gen2embed.__file__)"
    )
    done = subprocess.run([str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert " 1.0 " in done.stdout and str(site) in done.stdout
