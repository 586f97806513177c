"""Heat maps over k and m: every cell in its place, one scale for a measure, dashes for unknown."""

import numpy as np
import pandas as pd
import pytest

from gen2embed.reporting.figures.heat import cells, draw_heat
from gen2embed.reporting.figures.style import style

FRAME = pd.DataFrame(
    {
        "strategy": ["hns"] * 4 + ["saha"] * 4,
        "k": [7, 3, 7, 3] * 2,
        "m": [1, 1, 5, 5] * 2,
        "hardness": [0.4, 0.5, 0.4, 0.5, 0.2, 0.3, 0.1, 0.2],
        "overall": [0.04, 0.05, 0.04, 0.05, 0.0, 0.01, 0.0, 0.01],
        "equal_hardness": [np.nan] * 4 + [0.01, 0.02, 0.03, 0.04],
    }
)


def test_cells_lie_by_k_and_m_ascending():
    values, ks, ms = cells(FRAME.iloc[4:7], "hardness")
    assert (ks, ms) == ([3, 7], [1, 5])
    np.testing.assert_array_equal(values, [[0.3, np.nan], [0.2, 0.1]])


def test_the_maps_show_their_numbers_on_one_scale():
    with style():
        figure = draw_heat(FRAME, {"k": 7, "m": 5})
        figure.canvas.draw()
    maps = np.reshape(figure.axes, (2, 3))
    said = [[text.get_text() for text in axes.texts] for axes in maps[1]]
    assert said == [["0.30", "0.20", "0.20", "0.10"], ["1.0", "1.0", "0.0", "0.0"],
                    ["2.0", "4.0", "1.0", "3.0"]]  # fmt: skip
    assert [text.get_text() for text in maps[0, 2].texts] == ["-"] * 4
    for column in maps.T:
        assert len({axes.images[0].get_clim() for axes in column}) == 1
    (frame,) = maps[0, 0].patches
    assert frame.get_xy() == (0.5, 0.5)  # k = 7 is the second row, m = 5 the second column
    assert maps[0, 1].images[0].get_clim() == pytest.approx((0, 5))
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")):
        assert not text.get_text() or text.get_fontsize() >= 7
