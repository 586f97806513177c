"""Items counted once are the planned ones; kept as columns they are the items of the file."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.files import write_parquet
from gen2embed.models.encoding.planning import plan_items
from gen2embed.models.encoding.token_counts import COUNTS, Recipe, count_all, counted
from gen2embed.prompts.input_form import InputForm
from gen2embed.prompts.items import Item, read_items
from gen2embed.prompts.registry import get_prompt
from gen2embed.prompts.resolutions import get_resolution

ROWS = [
    ("<|image_1|>\nflag?", "0.png", "query"),
    ("tram", "", "target"),
    ("a <|image_1|> that is not there", "", "query"),
    ("a long text " * 40, "wide.png", "query"),
    ("", "1.png", "target"),
    ("a long text " * 40, "", "target"),
]


@pytest.fixture
def file(tmp_path):
    def write(rows):
        texts, images, roles = zip(*rows, strict=True)
        columns = {"item_id": range(len(rows)), "text": texts, "image_path": images, "role": roles}
        write_parquet(tmp_path / "items.parquet", pd.DataFrame(columns))
        return str(tmp_path / "items.parquet")

    return write


def inputs_of(backbone, tiny, path, resolution="native", max_tokens=90):
    items = read_items(path, "query")
    prompt, size = get_prompt("hierarchical"), get_resolution(resolution)
    return Recipe(backbone, items, prompt, size, tiny.images, max_tokens, path)


@pytest.mark.parametrize("truncate", ["text", "right"])
def test_counted_items_are_the_planned_ones(backbone, tiny, file, tmp_path, truncate):
    backbone.form = InputForm(truncate=truncate)
    inputs = inputs_of(backbone, tiny, file(ROWS))
    found = counted(inputs, tmp_path / "counts.npy", "count")
    assert list(found) == inputs.plan(0, len(ROWS)) and len(found) == len(ROWS)
    assert [one.truncated for one in found] == [False, False, False, True, False, True]
    assert found[1:3] == [found[1], found[2]]
    written = (tmp_path / "counts.npy").stat()
    again = counted(inputs, tmp_path / "counts.npy", "count")
    assert isinstance(again.counts, np.memmap) and list(again) == list(found)
    assert (tmp_path / "counts.npy").stat().st_mtime_ns == written.st_mtime_ns


def test_blocks_change_nothing(backbone, tiny, file, monkeypatch):
    inputs = inputs_of(backbone, tiny, file(ROWS))
    whole = count_all(inputs, "count")
    monkeypatch.setattr("gen2embed.models.encoding.token_counts.BLOCK", 2)
    assert (count_all(inputs, "count") == whole).all() and whole.dtype == COUNTS


def test_no_image_is_opened_where_all_get_one_size(backbone, tiny, file, tmp_path, monkeypatch):
    def forbidden(*_):
        raise AssertionError("a header was read")

    inputs = inputs_of(backbone, tiny, file(ROWS), "train_448", 4096)
    planned = inputs.plan(0, len(ROWS))
    monkeypatch.setattr("gen2embed.models.encoding.planning.open_image", forbidden)
    elsewhere = replace(inputs, image_root=tmp_path / "nowhere")
    found = count_all(elsewhere, "count")
    assert found["tokens"].tolist() == [one.tokens for one in planned]
    assert found["width"].tolist() == [448, 0, 0, 448, 448, 0]
    with pytest.raises(AssertionError, match="a header was read"):
        count_all(replace(elsewhere, resolution=get_resolution("native")), "count")


def test_a_fault_names_file_and_row(backbone, tiny, file):
    rows = [*ROWS, ("<|image_1|> <|image_1|>", "0.png", "query")]
    with pytest.raises(InputError, match=r"items.parquet: row 6: text holds 2 image marks"):
        count_all(inputs_of(backbone, tiny, file(rows)), "count")


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            st.sampled_from(["", "a.png"]),
            st.sampled_from(["query", "target"]),
        ),
        min_size=1,
        max_size=9,
    ),
    start=st.integers(-12, 12),
    stop=st.integers(-12, 12),
    step=st.sampled_from([1, 1, 2, -1]),
)
def test_items_are_a_sequence(tmp_path_factory, rows, start, stop, step):
    path = tmp_path_factory.mktemp("items") / "items.parquet"
    texts, images, roles = zip(*rows, strict=True)
    columns = {"item_id": range(len(rows)), "text": texts, "image_path": images, "role": roles}
    write_parquet(path, pd.DataFrame(columns))
    items = read_items(str(path), "query")
    expected = [Item(*row) for row in rows]
    assert list(items) == expected and items[-1] == expected[-1]
    assert list(items[start:stop:step]) == expected[start:stop:step]
    part = items[start:stop]
    assert list(part[1:]) == expected[start:stop][1:] and len(part) == len(expected[start:stop])


def test_planned_and_counted_agree_with_plan_items(backbone, tiny, file):
    inputs = inputs_of(backbone, tiny, file(ROWS))
    direct = plan_items(
        backbone, list(inputs.items), inputs.prompt, inputs.resolution, tiny.images, 90, "items"
    )
    assert inputs.plan(0, len(ROWS)) == direct
