"""Every word of the compositional captions is one that the generator was taught."""

import pandas as pd
import pytest

from gen2embed.data.compositions import QUERY
from gen2embed.mini.compositions import draw_compositions
from gen2embed.mini.emoji import load_entries
from gen2embed.mini.generator.architecture import build_tokenizer
from gen2embed.mini.generator.instructions import corpus
from gen2embed.mini.graphics import graphics_folder
from gen2embed.mini.render import BACKGROUNDS, PhotoRoll
from gen2embed.mini.selection import select_emoji


@pytest.mark.parametrize(("base", "tones"), [(30, 4), (450, 40)])
def test_no_word_is_unknown(base, tones):
    """Of a small selection and of the default experiment's: names of the selection alone count."""
    emojis = select_emoji(load_entries(), graphics_folder(), base, tones, 0.2, seed=0)
    columns = ("name", "concept", "group", "subgroup", "tone", "country")
    facts = [{name: getattr(one.glyph, name) for name in columns} for one in emojis]
    colours = [list(BACKGROUNDS)[i % len(BACKGROUNDS)] for i in range(len(emojis))]
    tokenizer = build_tokenizer(corpus(pd.DataFrame(facts).assign(background=colours)))
    roll = PhotoRoll(0, "composition", [], [tuple(BACKGROUNDS)] * len(emojis))
    drawn = draw_compositions(emojis, roll, 100, seed=0)
    captions = {
        QUERY.format(caption=text)
        for rows in drawn.values()
        for row in rows
        for text in (row.caption, row.again, row.false)
    }
    for caption in sorted(captions):
        ids = tokenizer(caption)["input_ids"]
        assert tokenizer.unk_token_id not in ids, caption
    assert tokenizer.unk_token_id in tokenizer("a word like xylophonist")["input_ids"]
