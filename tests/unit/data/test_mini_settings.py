"""The benchmark's settings: some data sets, few backgrounds, many rows an emoji."""

import pandas as pd
import pytest

from gen2embed.mini.render import some_backgrounds
from unit.data.test_mini_benchmark import build_benchmark

FLAGS = {
    "base-concepts": 40,
    "tone-concepts": 2,
    "photos-per-emoji": 12,
    "train-rows": 48,
    "eval-queries": 12,
    "candidates": 8,
    "generator-photos": 1,
    "unseen-fraction": 0.3,
    "rows-per-emoji": 3,
    "seed": 5,
}


def build(out, *words, **change):
    flags = FLAGS | {key.replace("_", "-"): value for key, value in change.items()}
    told = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    return build_benchmark.main([*told, *words, "--out", str(out)])


def backgrounds(frame):
    """Emoji of each photo of the queries and how many backgrounds each has been asked for on."""
    asked = frame["qry"].str.extract(r"on a (\w+) background")[0]
    emoji = frame["qry_image_path"].str.extract(r"/(\d{4})_")[0]
    return emoji, asked


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    out = tmp_path_factory.mktemp("two") / "data"
    words = [
        "--backgrounds-per-emoji",
        "2",
        "--train-sets",
        "Change",
        "--eval-sets",
        "ChangeUnseen",
    ]
    assert build(out, *words, "Change", rows_per_emoji=12) == 0
    return out


def test_some_data_sets_alone(two):
    table = pd.read_csv(two / "datasets.csv")
    named = table[["part", "name"]].to_numpy().tolist()
    assert named == [["train", "Change"], ["eval", "Change"], ["eval", "ChangeUnseen"]]
    assert sorted(path.name for path in (two / "train").iterdir()) == ["Change", "images"]


def test_few_emoji_on_two_backgrounds_have_many_positives(two):
    """48 rows of 12 an emoji: 4 emoji, each asked for on 2 backgrounds at most."""
    frame = pd.read_parquet(two / "train" / "Change" / "diverse_instruction-00000-of-00001.parquet")
    emoji, asked = backgrounds(frame)
    assert emoji.nunique() <= 4 < len(frame) / 6
    assert asked.groupby(emoji).nunique().max() <= 2
    known = pd.read_parquet(two / "train" / "Change" / "equivalences.parquet")
    assert len(known) / len(frame) > 1.5


def test_a_set_is_the_same_beside_others_and_alone(tmp_path):
    """A photo and a row depend on their own names alone."""
    assert build(tmp_path / "all") == 0
    assert build(tmp_path / "one", "--train-sets", "Change", "--eval-sets", "Side") == 0
    for part, name in (("train", "Change"), ("eval", "Side")):
        folder = tmp_path / "one" / part / name
        for path in folder.iterdir():
            assert path.read_bytes() == (tmp_path / "all" / part / name / path.name).read_bytes()


def test_backgrounds_are_drawn_by_hand():
    """Two of three are kept in their order; an emoji's do not depend on the others'."""
    table = [("red", "green", "blue"), ("red", "white"), ("red", "green", "blue")]
    drawn = some_backgrounds(table, 2, 7)
    assert drawn[1] == ("red", "white") and [len(one) for one in drawn] == [2, 2, 2]
    assert all(
        list(one) == [name for name in of if name in one]
        for one, of in zip(drawn, table, strict=True)
    )
    assert some_backgrounds(table[:1], 2, 7) == drawn[:1]
    assert some_backgrounds(table, None, 7) == table
    many = some_backgrounds([("red", "green", "blue")] * 60, 2, 7)
    assert len(set(many)) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train-sets", "Chagne"], "--train-sets Chagne: known: Group, SkinTone"),
        (["--backgrounds-per-emoji", "1"], "--backgrounds-per-emoji is 1; give at least 2"),
        (["--rows-per-emoji", "0"], "--rows-per-emoji is 0; give at least 1"),
    ],
)
def test_bad_wishes_are_one_line(tmp_path, capsys, words, said):
    assert build(tmp_path / "data", *words) == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
