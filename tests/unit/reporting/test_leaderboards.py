"""Files of scores from elsewhere: read, refused in one line, compared as two samples."""

import importlib.util
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "compare_scores.py"
spec = importlib.util.spec_from_file_location("compare_scores", SCRIPT)
compare_scores = importlib.util.module_from_spec(spec)
sys.modules["compare_scores"] = compare_scores
spec.loader.exec_module(compare_scores)


def leaderboard(path, **shares):
    sets = {name: {"hit@1": share, "num_data": 1000} for name, share in shares.items()}
    path.write_text(json.dumps({"metadata": {}, "metrics": {"image": sets}}))
    return str(path)


def table(path, **percents):
    lines = "".join(f"{name},{score}\n" for name, score in percents.items())
    path.write_text(f"dataset,score\n{lines}")
    return str(path)


def compare(tmp_path, first, second, *more):
    out = tmp_path / "out.csv"
    words = ["--first", first, "--second", second, "--out", str(out), *more]
    status = compare_scores.main(words)
    return status, pd.read_csv(out).set_index("aggregate") if out.exists() else None


def test_by_hand(tmp_path, capsys):
    first = leaderboard(tmp_path / "a.json", GQA=0.70, VizWiz=0.50)
    second = table(tmp_path / "b.csv", VizWiz=50.0, GQA=60.0, NIGHTS=10.0)
    status, found = compare(tmp_path, first, second)
    assert status == 0
    assert list(found.index) == ["mean of the shared", "GQA", "VizWiz"]
    row = found.loc["GQA"]
    error = ((0.7 * 0.3 + 0.6 * 0.4) / 1000) ** 0.5
    assert row["difference"] == pytest.approx(0.1)
    assert row["standard_error"] == pytest.approx(error)
    assert row["ci_low"] == pytest.approx(0.1 - 1.959964 * error)
    assert found.loc["VizWiz", "difference"] == 0 and found.loc["VizWiz", "p_value"] == 1
    assert found.loc["mean of the shared", "difference"] == pytest.approx(0.05)
    assert "a" in capsys.readouterr().out


def test_fewer_queries_show_less(tmp_path):
    first = leaderboard(tmp_path / "a.json", GQA=0.70)
    second = leaderboard(tmp_path / "b.json", GQA=0.66)
    many = compare(tmp_path, first, second, "--queries", "10000")[1].loc["GQA"]
    few = compare(tmp_path, first, second, "--queries", "100")[1].loc["GQA"]
    assert many["p_holm"] < 0.05 < few["p_holm"]
    assert few["least_difference"] == pytest.approx(10 * many["least_difference"])


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ("{", ".json", "JSON"),
        ("{}", ".json", "holds no score"),
        ('{"metrics": {"image": {"GQA": {"hit@1": "x"}}}}', ".json", "no number hit@1"),
        ('{"metrics": {"image": {"GQA": {"hit@1": 70}}}}', ".json", "is no share"),
        ("set,score\nGQA,1\n", ".csv", "'dataset' is missing"),
        ("dataset,score\nGQA,\n", ".csv", "no number"),
        ("dataset,score\nGQA,101\n", ".csv", "is no share"),
        ("dataset,score\nGQA,1\nGQA,2\n", ".csv", "twice"),
        ("dataset,score\n", ".csv", "holds no score"),
    ],
)
def test_refused_in_one_line(tmp_path, capsys, text, suffix, said):
    path = tmp_path / f"a{suffix}"
    path.write_text(text)
    status, found = compare(tmp_path, str(path), leaderboard(tmp_path / "b.json", GQA=0.5))
    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 2 and found is None and len(lines) == 1 and said in lines[0]


def test_a_file_and_a_folder(tmp_path, capsys):
    first = leaderboard(tmp_path / "a.json", GQA=0.5)
    assert compare(tmp_path, first, str(tmp_path))[0] == 2
    assert "not one of each" in capsys.readouterr().err


def test_nothing_shared(tmp_path, capsys):
    first = leaderboard(tmp_path / "a.json", GQA=0.5)
    assert compare(tmp_path, first, leaderboard(tmp_path / "b.json", NIGHTS=0.5))[0] == 2
    assert "no data set is scored in both" in capsys.readouterr().err


def test_ranks_by_hand(tmp_path):
    """Errors of 1.0 to 1.5 points: b and c stand apart from a, not from each other."""
    files = {
        "a": table(tmp_path / "a.csv", GQA=90.0, VizWiz=90.0, NIGHTS=1.0),
        "b": table(tmp_path / "b.csv", GQA=50.0, VizWiz=60.0),
        "c": leaderboard(tmp_path / "c.json", GQA=0.55, VizWiz=0.54),
    }
    status, _ = compare(tmp_path, files["b"], files["a"], "--among", files["c"])
    assert status == 0
    ranks = pd.read_csv(tmp_path / "out.ranks.csv", keep_default_na=False)
    assert ranks["system"].tolist() == ["a", "b", "c"] and (ranks["sets"] == 2).all()
    assert ranks["value"].tolist() == pytest.approx([0.9, 0.55, 0.545])
    error = (0.5 * 0.5 / 1000 + 0.6 * 0.4 / 1000) ** 0.5 / 2
    assert ranks["error"].iloc[1] == pytest.approx(error)
    assert ranks[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [
        [1, 1, 1], [2, 2, 3], [3, 2, 3],
    ]  # fmt: skip
    assert ranks["undecided"].tolist() == ["", "c", "b"]


@pytest.mark.parametrize(
    ("among", "said"), [("b.csv", "b is there twice"), ("c.csv", "no data set is scored in all")]
)
def test_ranks_that_cannot_be_are_refused(tmp_path, capsys, among, said):
    first = table(tmp_path / "a.csv", GQA=90.0)
    second = table(tmp_path / "b.csv", GQA=50.0)
    table(tmp_path / "c.csv", VizWiz=1.0)
    status, _ = compare(tmp_path, first, second, "--among", str(tmp_path / among))
    assert status == 2 and said in capsys.readouterr().err
