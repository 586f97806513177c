"""The mini benchmark: what every data set promises, checked on a small build."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.data.compositions import read_subset, refuse_faults
from gen2embed.data.datasets import load_register, names
from gen2embed.errors import InputError
from gen2embed.files import digest_file
from gen2embed.mini.benchmark import (
    alike,
    equivalences,
    evaluation_frame,
    evaluation_sets,
    images_of,
    minimal_pairs,
    training_sets,
)
from gen2embed.mini.emoji import clean_name, load_entries, parse_emoji_test, tone_forms
from gen2embed.mini.graphics import graphic_path, graphics_folder, load_graphic
from gen2embed.mini.render import BACKGROUNDS, SIZE, Canvas, PhotoRoll, background_table
from gen2embed.mini.selection import select_emoji
from gen2embed.mini.tasks import Target

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "build_benchmark.py"
spec = importlib.util.spec_from_file_location("build_benchmark", SCRIPT)
build_benchmark = importlib.util.module_from_spec(spec)
sys.modules["build_benchmark"] = build_benchmark
spec.loader.exec_module(build_benchmark)


@pytest.fixture(scope="module")
def emojis():
    return select_emoji(load_entries(), graphics_folder(), 90, 8, 0.3, seed=3)


@pytest.fixture(scope="module")
def rolls(emojis):
    folder = graphics_folder()
    graphics = [load_graphic(graphic_path(folder, one.glyph.codes)) for one in emojis]
    table = background_table(graphics)
    return {name: PhotoRoll(3, name, graphics, table) for name in ("train", "eval")}


@pytest.fixture(scope="module")
def train(emojis, rolls):
    return training_sets(load_register("mini"), emojis, rolls["train"], 4, 60, seed=3)


@pytest.fixture(scope="module")
def evaluation(emojis, rolls):
    return evaluation_sets(load_register("mini"), emojis, rolls["eval"], 30, 25, seed=3)


def test_unicode_lines_are_read_by_hand():
    lines = [
        "# group: People & Body",
        "# subgroup: hand-fingers-open",
        "1F44B ; fully-qualified # 👋 E0.6 waving hand",
        "1F44B 1F3FB ; fully-qualified # 👋🏻 E1.0 waving hand: light skin tone",
        "1F44B 1F3FD ; fully-qualified # 👋🏽 E1.0 waving hand: medium skin tone",
        "1F44B 1F3FF ; fully-qualified # 👋🏿 E1.0 waving hand: dark skin tone",
        "263A ; unqualified # ☺ E0.6 smiling face",
    ]
    entries = parse_emoji_test(lines)
    assert entries[0].name == "waving hand" and len(entries) == 4
    forms = tone_forms(entries)["waving hand"]
    assert [one.tone for one in forms] == ["default", "light", "medium", "dark"]
    assert forms[3].name == "waving hand with dark skin tone"
    assert forms[0].group == "people and body"
    with pytest.raises(InputError, match="line 1 stands before"):
        parse_emoji_test(lines[2:])


def test_names_are_cleaned_by_hand():
    assert clean_name("flag: Côte d’Ivoire") == "flag of cote divoire"
    assert clean_name("women’s room") == "womens room"


def test_the_selection_is_as_asked_and_has_no_lookalikes(emojis):
    concepts = {one.glyph.concept for one in emojis}
    toned = {one.glyph.concept for one in emojis if one.glyph.tone}
    assert (len(concepts), len(toned), len(emojis)) == (98, 8, 90 + 4 * 8)
    unseen = {one.glyph.concept for one in emojis if one.unseen}
    assert 0.2 < len(unseen) / len(concepts) < 0.4
    assert all(one.unseen == (one.glyph.concept in unseen) for one in emojis)
    assert [one.emoji_id for one in emojis] == list(range(len(emojis)))
    names_ = [one.glyph.name for one in emojis]
    assert len(set(names_)) == len(names_)


def test_a_photo_depends_on_nothing_but_its_number(rolls):
    roll = rolls["train"]
    fresh = PhotoRoll(roll.seed, "train", roll.graphics, roll.backgrounds)
    late = roll.photo(5, 7)
    assert fresh.photo(5, 7) == late
    assert fresh.render(late).tobytes() == roll.render(late).tobytes()
    other = rolls["eval"].render(rolls["eval"].photo(5, 7))
    assert other.size == (SIZE, SIZE) and other.tobytes() != roll.render(late).tobytes()


def test_a_photo_stands_on_the_background_it_names(rolls):
    roll = rolls["eval"]
    for emoji in range(0, 60, 7):
        photo = roll.photo(emoji, 0)
        corner = np.asarray(roll.render(photo), float)[0, 0]
        distances = {n: np.linalg.norm(corner - c) for n, c in BACKGROUNDS.items()}
        assert min(distances, key=distances.get) == photo.background


def test_a_canvas_holds_the_left_and_the_right_photo(rolls):
    roll = rolls["eval"]
    left, right = roll.photo(1, 0), roll.photo(2, 0)
    canvas = np.asarray(roll.render_canvas(Canvas(left, right)))
    assert (canvas[:, :SIZE] == np.asarray(roll.render(left))).all()
    assert (canvas[:, SIZE:] == np.asarray(roll.render(right))).all()


def test_held_out_concepts_never_occur_in_training(train, emojis):
    unseen = {one.emoji_id for one in emojis if one.unseen}
    for image in images_of(train):
        shown = (image.left, image.right) if isinstance(image, Canvas) else (image,)
        assert not unseen & {one.emoji for one in shown}
    named = {one.glyph.name for one in emojis if one.unseen}
    texts = {row.target.text for dataset in train for row in dataset.rows}
    assert not named & texts


def test_every_query_has_one_right_candidate_and_it_comes_first(evaluation):
    for dataset in evaluation:
        assert len(dataset.rows) == len(dataset.candidates) == 30
        assert len({(row.text, row.path) for row in dataset.rows}) == 30
        for row, offered in zip(dataset.rows, dataset.candidates, strict=True):
            assert offered[0] == row.target
            assert len(set(offered)) == len(offered) <= max(25, len(offered))
            assert not any(row.is_right(one) for one in offered[1:]), dataset.entry.name


def test_hard_distractors_are_offered(evaluation):
    """Side offers the other half; Change the same thing on its old background."""
    for dataset in evaluation:
        if dataset.entry.task in ("Side", "Change"):
            for row, offered in zip(dataset.rows, dataset.candidates, strict=True):
                assert set(row.hard) <= set(offered[1:]) and row.hard


def test_questions_share_one_list_of_answers(evaluation):
    lists = {d.entry.name: {t.text for t in d.candidates[0]} for d in evaluation}
    assert lists["Background"] == lists["SkinTone"] == lists["Flag"]
    assert lists["BackgroundUnseen"] == lists["FlagUnseen"]


@pytest.mark.parametrize("part", ["train", "eval"])
def test_equivalences_are_those_of_a_double_loop(part, train, evaluation):
    for dataset in {"train": train, "eval": evaluation}[part]:
        slow = {
            (number, target.text, target.path)
            for number, row in enumerate(dataset.rows)
            for target in dataset.targets()
            if target != row.target and row.is_right(target)
        }
        found = equivalences(dataset)
        assert set(found.itertuples(index=False, name=None)) == slow
        assert not found.duplicated().any()


def test_minimal_pairs_show_what_is_asked_for_on_another_background(train):
    """By a double loop; never right, and of the query's own emoji. Change has them, Group none."""
    counts = {}
    for dataset in train:
        slow = {
            (number, target.text, target.path)
            for number, row in enumerate(dataset.rows)
            for target in dataset.targets()
            if target.emoji in row.emojis and not row.is_right(target)
        }
        found = minimal_pairs(dataset)
        assert set(found.itertuples(index=False, name=None)) == slow
        assert not set(slow) & set(equivalences(dataset).itertuples(index=False, name=None))
        counts[dataset.entry.name] = len(slow)
    assert counts["Change"] > 0 and counts["I2T"] > 0
    assert counts["Group"] == counts["SkinTone"] == counts["Side"] == 0


def test_evaluation_rows_tell_their_concept_and_what_is_alike(emojis, evaluation):
    """Side: the two halves. Change: every candidate of the query's thing; two at least."""
    concepts = {one.emoji_id: one.glyph.concept for one in emojis}
    for dataset in evaluation:
        frame = evaluation_frame(dataset)
        for row, concept in zip(dataset.rows, frame["concept"], strict=True):
            shown = [photo.emoji for photo in shown_photos(row)]
            assert concept in {concepts[one] for one in [*shown, *row.emojis]}
        assert ("alike" in frame) == (dataset.entry.task in ("Change", "Side"))
        for row, offered in zip(dataset.rows, dataset.candidates, strict=True):
            if dataset.entry.task == "Side":
                assert alike(row, offered) == 2
            if dataset.entry.task == "Change":
                same = [one for one in offered if one.emoji == row.image.emoji]
                assert alike(row, offered) == len(same) >= 2


def shown_photos(row):
    if row.image is None:
        return []
    return [row.image.left, row.image.right] if isinstance(row.image, Canvas) else [row.image]


def test_what_is_right_by_hand(train):
    dataset = next(one for one in train if one.entry.name == "I2T")
    row = dataset.rows[0]
    emoji, background = row.image.emoji, row.image.background
    assert row.is_right(Target("a caption without a colour", None, emoji, ""))
    assert row.is_right(Target("names its own colour", None, emoji, background))
    other = next(name for name in BACKGROUNDS if name != background)
    assert not row.is_right(Target("names another colour", None, emoji, other))
    assert not row.is_right(Target("names another thing", None, emoji + 1, background))


def test_training_data_hold_unlabelled_positives(train):
    counts = {dataset.entry.name: len(equivalences(dataset)) for dataset in train}
    assert counts["I2T"] > 0 and counts["T2I"] > 0
    assert counts["Group"] == counts["SkinTone"] == counts["Side"] == 0


def test_the_register():
    entries = load_register("mini")
    for part in ("train", "eval"):
        found = names("mini", part)
        assert len(set(found)) == len(found)
    trained = set(names("mini", "train"))
    assert {entry.meta_task for entry in entries} == {
        *("classification", "vqa", "retrieval", "grounding")
    }
    for entry in entries:
        in_distribution = entry.task in trained and entry.concepts == "seen"
        assert entry.split == ("ind" if in_distribution else "ood"), entry.name
        assert (entry.labelled == "true") == (entry.meta_task == "classification")
    with pytest.raises(InputError, match="unknown benchmark"):
        load_register("other")


SMALL = {
    "seed": 1,
    "base-concepts": 60,
    "tone-concepts": 8,
    "unseen-fraction": 0.3,
    "photos-per-emoji": 3,
    "train-rows": 20,
    "eval-queries": 20,
    "candidates": 12,
    "generator-photos": 2,
}


def build(out, **changed):
    flags = SMALL | {key.replace("_", "-"): value for key, value in changed.items()}
    return build_benchmark.main([f"--out={out}", *(f"--{k}={v}" for k, v in flags.items())])


def test_two_builds_agree_and_their_checksums_are_true(tmp_path):
    for name in ("one", "two"):
        assert build(tmp_path / name, composition_rows=5) == 0
    one, two = ((tmp_path / name / "checksums.tsv").read_text() for name in ("one", "two"))
    assert one == two
    listed = dict(reversed(line.split("\t")) for line in one.splitlines())
    there = {
        path.relative_to(tmp_path / "one").as_posix()
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    }
    assert set(listed) == there - {"checksums.tsv"}
    assert all(digest_file(tmp_path / "one" / name) == sha for name, sha in listed.items())
    rows = read_subset(tmp_path / "one/composition", "sugarcrepe_pp", "swap_att")
    assert len(rows) == 5
    refuse_faults(rows, tmp_path / "one/composition/images", "swap_att")
    frame = pd.read_parquet(tmp_path / "one/train/I2T/diverse_instruction-00000-of-00001.parquet")
    assert list(frame) == ["qry", "qry_image_path", "pos_text", "pos_image_path"]
    assert frame["qry"].str.startswith("<|image_1|>\n").all()
    assert all((tmp_path / "one/train" / path).is_file() for path in frame["qry_image_path"])
    frame = pd.read_parquet(tmp_path / "one/eval/T2I/test-00000-of-00001.parquet")
    assert list(frame) == ["qry_text", "qry_img_path", "tgt_text", "tgt_img_path", "concept"]
    assert (frame["tgt_text"].map(len) == frame["tgt_img_path"].map(len)).all()
    photos = np.load(tmp_path / "one/generator/photos.npy")
    facts = pd.read_parquet(tmp_path / "one/generator/photos.parquet")
    assert photos.shape == (len(facts), SIZE, SIZE, 3) and photos.dtype == np.uint8
    assert (facts.groupby("emoji_id")["split"].value_counts().unstack() == [2, 1]).all().all()


def test_compositions_change_nothing_else(tmp_path):
    listed = []
    for rows in (0, 3):
        assert build(tmp_path / str(rows), composition_rows=rows) == 0
        lines = (tmp_path / str(rows) / "checksums.tsv").read_text().splitlines()
        listed.append({line for line in lines if "README" not in line})
    added = {line.split("\t")[1] for line in listed[1] - listed[0]}
    assert listed[0] <= listed[1] and added
    assert all(name.startswith("composition/") for name in added)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"composition_rows": -1}, "--composition-rows is -1; give 0 or more"),
        ({"base_concepts": 5000}, "--base-concepts 5000: there are only"),
        ({"unseen_fraction": 1.5}, "--unseen-fraction is 1.5"),
        ({"candidates": 1}, "--candidates 1: give at least 3"),
        ({"eval_queries": 100000}, "ask for fewer queries"),
    ],
)
def test_impossible_wishes_are_one_line(tmp_path, capsys, change, said):
    assert build(tmp_path, **change) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert said in error
    assert not (tmp_path / "datasets.csv").exists()
