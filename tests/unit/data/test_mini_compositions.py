"""The mini's compositional sets: what is true of each picture, what is not, and no clue beside."""

from collections import Counter

import pytest

from gen2embed.data.composition_sets import SUBSETS
from gen2embed.data.compositions import read_subset
from gen2embed.errors import InputError
from gen2embed.files import write_json
from gen2embed.mini.compositions import (
    Scene,
    distinguishable,
    draw_compositions,
    published_layouts,
)
from gen2embed.mini.emoji import Glyph, load_entries
from gen2embed.mini.graphics import graphic_path, graphics_folder, load_graphic
from gen2embed.mini.render import Canvas, Photo, PhotoRoll, background_table
from gen2embed.mini.selection import Emoji, select_emoji

ROWS = 150  # more than there are emoji


@pytest.fixture(scope="module")
def emojis():
    return select_emoji(load_entries(), graphics_folder(), 90, 8, 0.3, seed=3)


@pytest.fixture(scope="module")
def roll(emojis):
    graphics = [load_graphic(graphic_path(graphics_folder(), one.glyph.codes)) for one in emojis]
    return PhotoRoll(3, "composition", graphics, background_table(graphics))


@pytest.fixture(scope="module")
def drawn(emojis, roll):
    return draw_compositions(emojis, roll, ROWS, seed=3)


SINGLE = Scene(Photo(0, 0, "red"), ("cat",), ("red",))
PAIR = Scene(Canvas(Photo(0, 0, "red"), Photo(1, 0, "blue")), ("cat", "sun"), ("red", "blue"))


def test_what_is_true_by_hand():
    assert SINGLE.true_captions() == {
        "an image of cat",
        "an image of cat on a red background",
        "cat on a red background",
        "the background is red and the object is cat",
    }
    true = PAIR.true_captions()
    assert {
        "cat on the left of sun",
        "sun on the right of cat",
        "cat on the left and sun on the right",
        "on the right is sun and on the left is cat",
        "cat on a red background and sun on a blue background",
        "sun with a blue background and cat with a red background",
        "an image of sun and cat",
        "sun on a blue background",
    } <= true
    assert not true & {
        "sun on the left of cat",
        "cat on the right of sun",
        "sun on the left and cat on the right",
        "on the right is cat and on the left is sun",
        "cat on a blue background and sun on a red background",
        "cat on a blue background",
    }


def test_no_caption_is_both_true_and_false_of_its_picture(drawn):
    assert list(drawn) == list(SUBSETS["sugarcrepe"])
    for subset, rows in drawn.items():
        assert len(rows) == ROWS
        for row in rows:
            true = row.scene.true_captions()
            assert row.caption in true and row.false not in true, (subset, row)
            assert row.again == "" if subset.startswith("add_") else row.again in true
            assert len({row.caption, row.again, row.false}) == 3, (subset, row)


def test_the_pictures_show_what_the_scenes_say(drawn, emojis, roll):
    for rows in drawn.values():
        for row in rows:
            image = row.scene.image
            shown = (image.left, image.right) if isinstance(image, Canvas) else (image,)
            assert row.scene.names == tuple(emojis[one.emoji].glyph.name for one in shown)
            assert row.scene.colours == tuple(one.background for one in shown)
            assert all(roll.photo(one.emoji, one.number) == one for one in shown)
            if isinstance(image, Canvas):
                assert distinguishable(*(emojis[one.emoji] for one in shown))
                assert len(set(row.scene.colours)) == 2


def test_each_subset_changes_what_it_says(drawn):
    """By words: what the false caption has that the true one has not."""
    for subset, rows in drawn.items():
        for row in rows:
            true, false = Counter(row.caption.split()), Counter(row.false.split())
            if subset.startswith("swap_"):
                assert true == false
            elif subset in ("replace_att", "replace_rel"):
                assert (false - true).total() == (true - false).total() == 1
            elif subset.startswith("add_"):
                assert not true - false and false - true


def test_neither_side_is_a_clue(drawn):
    sides = Counter("left" in row.caption.split() for row in drawn["replace_rel"])
    assert abs(sides[True] - sides[False]) <= ROWS / 10  # names may say left or right, too


def test_pictures_are_of_no_other_subset(drawn):
    """And of no other part: their stream is their own."""
    names = [{row.scene.file_name for row in rows} for rows in drawn.values()]
    assert sum(map(len, names)) == len(set().union(*names)) == 7 * ROWS


def test_two_draws_agree_and_another_seed_does_not(drawn, emojis, roll):
    assert draw_compositions(emojis, roll, ROWS, seed=3) == drawn
    assert draw_compositions(emojis, roll, ROWS, seed=4) != drawn


def emoji(name, concept=None):
    return Emoji(0, Glyph((), name, concept or name, "g", "s", "", ""), False)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("cat", "sun", True),
        ("cat", "cat face", False),  # a cat face is a cat
        ("cat face", "dog face", True),
        ("man", "person running", False),
        ("man running", "woman running", False),
        ("man running", "woman dancing", True),
    ],
)
def test_what_is_surely_different(one, other, expected):
    assert distinguishable(emoji(one), emoji(other)) == expected
    assert distinguishable(emoji(other), emoji(one)) == expected


def test_forms_of_one_concept_are_not():
    light, dark = (emoji(f"hand with {tone} skin tone", "hand") for tone in ("light", "dark"))
    assert not distinguishable(light, dark)


def test_the_layouts_are_those_that_the_reader_knows(drawn, tmp_path):
    files = published_layouts(drawn)
    assert set(files) == {(name, one) for name, subsets in SUBSETS.items() for one in subsets}
    for (benchmark, subset), content in files.items():
        write_json(tmp_path / benchmark / f"{subset}.json", content)
        found = read_subset(tmp_path, benchmark, subset)
        for number, (row, made) in enumerate(zip(found, drawn[subset], strict=True)):
            true = (made.caption, made.again)[: 1 if benchmark == "sugarcrepe" else 2]
            assert (row.row_id, row.image) == (number, made.scene.file_name)
            assert (row.true, row.false) == (true, made.false)


def test_too_few_concepts_are_one_line(emojis, roll):
    with pytest.raises(InputError, match="no emoji is surely other than"):
        draw_compositions(emojis[:1], roll, 2, seed=0)
    with pytest.raises(InputError, match="--composition-rows 1001: give at most 1000"):
        draw_compositions(emojis, roll, 1001, seed=0)
