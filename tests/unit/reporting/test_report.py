"""The report, by hand: sections, claims, the best value, cells, bars; and the page in a browser."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser import SCREENSHOTS, check_page
from gen2embed.errors import InputError
from gen2embed.reporting.paper import read_products
from gen2embed.reporting.report.best import best_cells, number
from gen2embed.reporting.report.claims import claims
from gen2embed.reporting.report.contents import cut, parse_table, spans
from gen2embed.reporting.report.schedule import schedule
from gen2embed.reporting.report.sections import read_sections
from gen2embed.reporting.tables.rendering import write_table

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "write_report.py"
spec = importlib.util.spec_from_file_location("write_report", SCRIPT)
write_report = importlib.util.module_from_spec(spec)
sys.modules["write_report"] = write_report
spec.loader.exec_module(write_report)

# a pixel, as PNG
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def test_every_product_has_its_place():
    *sections, further = read_sections()
    assert further.products == ()  # sections.yaml names all that this project ships
    shown = [name for section in sections for name in section.products]
    wanted = {product.name for product in read_products() if product.kind in ("figure", "table")}
    assert len(shown) == len(set(shown)) and set(shown) == wanted
    figures = [product for product in read_products() if product.answers.startswith("figure")]
    places = [shown.index(product.name) for product in figures if product.kind == "figure"]
    assert places == sorted(places)  # figures 1 to 5 of the paper come in its order


@pytest.mark.parametrize(
    ("products", "said"),
    [("[gallery, nothing_like_it]", "nothing_like_it"), ("[umap, umap]", "stands in 2 sections")],
)
def test_a_section_that_is_wrong_is_refused(tmp_path, products, said):
    path = tmp_path / "sections.yaml"
    path.write_text(f"- {{key: a, title: A, question: why, products: {products}}}\n")
    with pytest.raises(InputError, match=said):
        read_sections(path)


def one_test(first, second, difference, p=0.001, equivalent=1.0, aggregate="all"):
    return {
        "aggregate": aggregate,
        "first": first,
        "second": second,
        "difference": difference,
        "ci_low": difference - 0.01,
        "ci_high": difference + 0.01,
        "p_holm": p,
        "p_equivalent": equivalent,
    }


def one_rate(hns, saha, interval, first="hns"):
    """A report of both strategies' true false negatives at equal hardness."""
    rates = {"hns": hns, "saha": saha}
    second = "saha" if first == "hns" else "hns"
    keys = ("equal_hardness", "equal_hardness_ci_low", "equal_hardness_ci_high")
    return {
        "strategies": {
            name: dict(zip(keys, (rate, rate - 0.001, rate + 0.001), strict=True))
            for name, rate in rates.items()
        },
        "differences": [
            {"first": first, "second": second, "measure": "overall", "value": 1.0},
            {
                "first": first, "second": second, "measure": "equal_hardness",
                "value": rates[first] - rates[second],
                "ci_low": interval[0], "ci_high": interval[1],
            },
        ],
    }  # fmt: skip


def test_the_gap_by_hand():
    """Decided where the intervals are apart; a study of text has no gap, hence no claim."""
    frame = pd.DataFrame(
        {
            "prompt": ["hierarchical", "user_only"],
            "image_text_gap": [0.3, 0.2],
            "image_text_gap_low": [0.28, 0.19],
            "image_text_gap_high": [0.31, 0.21],
        }
    )
    assert claims({"prompts": frame})[0].verdict == "no, the other way"
    frame["image_text_gap_high"] = [0.31, 0.29]
    assert claims({"prompts": frame})[0].answer == "undecided"
    frame["image_text_gap_low"] = [0.28, 0.32]
    assert claims({"prompts": frame})[0].answer == "yes"
    assert claims({"prompts": frame.assign(image_text_gap=float("nan"))}) == []
    assert claims({"prompts": frame[["prompt", "image_text_gap"]]}) == []


def test_a_product_of_a_users_own_comes_last(tmp_path):
    path = tmp_path / "sections.yaml"
    path.write_text("- {key: a, title: A, question: why, products: [umap]}\n")
    first, further = read_sections(path)
    assert first.products == ("umap",) and "umap" not in further.products
    assert {"gallery", "cost"} <= set(further.products)


def test_claims_by_hand():
    """Of a test the other way round the sign turns; what is not shown is undecided or the same."""
    tables = {
        "zero_shot_tests": pd.DataFrame(
            [
                one_test("hierarchical", "plain", 0.04),
                one_test("user_only", "hierarchical", 0.03),
                one_test("hierarchical", "system_only", 0.0, p=0.9, equivalent=0.01),
            ]
        ),
        "runs_tests": pd.DataFrame(
            [one_test("saha, hierarchical", "hns, hierarchical", 0.005, p=0.4)]
        ),
    }
    rates = one_rate(0.02, 0.01, (0.002, 0.018))
    found = {
        claim.text: (claim.found, claim.verdict, claim.answer) for claim in claims(tables, rates)
    }
    assert found == {
        "the prompt beats its user level alone: hierarchical - user_only": (
            "-3.0 [-4.0, -2.0] points", "no, the other way", "no",
        ),
        "the prompt beats none: hierarchical - plain": ("+4.0 [+3.0, +5.0] points", "yes", "yes"),
        "both levels beat the system level alone: hierarchical - system_only": (
            "+0.0 [-1.0, +1.0] points", "no, same within 2 points", "no",
        ),
        "SaHa mines fewer false negatives, at equal hardness": (
            "saha 1.0 [0.9, 1.1] %, hns 2.0 [1.9, 2.1] %; hns - saha +1.0 [+0.2, +1.8] points",
            "yes", "yes",
        ),
        "training on SaHa's clusters beats HNS's: saha, hierarchical - hns, hierarchical": (
            "+0.5 [-0.5, +1.5] points", "undecided (95 %: -0.5 to +1.5)", "undecided",
        ),
    }  # fmt: skip
    (undecided,) = claims({}, one_rate(0.02, 0.01, (-0.002, 0.018)))
    assert undecided.verdict == "undecided (95 %: -0.2 to +1.8)"
    (other,) = claims({}, one_rate(0.01, 0.02, (-0.018, -0.002)))
    assert other.verdict == "no, the other way"
    (turned,) = claims({}, one_rate(0.02, 0.01, (-0.018, -0.002), first="saha"))
    assert turned.verdict == "yes" and "hns - saha +1.0 [+0.2, +1.8]" in turned.found
    assert claims({}) == []


HEADER = ["run", "scores", "IND", "all"]
ROWS = [
    ["a", "measured here", "50.0 [49, 51]", "40.0 [39, 41]"],
    ["b", "measured here", "48.0 [47, 49]", "42.0 [41, 43]"],
    ["c", "measured here", "10.0 [9, 11]", "41.9 [41, 43]"],
    ["a", "MMEB, published†", "99.0†", "99.0†"],
]


def test_the_best_is_marked_only_where_a_test_says_so():
    """IND: a beats b, the next. all: b is not told from c, so nothing is marked."""
    tests = pd.DataFrame(
        [
            one_test("a", "b", 0.02, aggregate="ind"),
            one_test("b", "a", 0.02),
            one_test("c", "b", -0.001, p=0.7),
        ]
    )
    assert best_cells(HEADER, ROWS, tests) == {(0, 2)}
    # compared with the rest alone and not with the next best: no mark; beaten by none, but the same
    # as one that it was compared with: no mark either
    assert best_cells(HEADER, ROWS, tests.assign(second=["c", "a", "b"])) == set()
    lost = pd.concat([tests, pd.DataFrame([one_test("c", "a", 0.0, p=0.9, aggregate="ind")])])
    assert best_cells(HEADER, ROWS, lost) == set()
    assert best_cells(HEADER, ROWS, tests.iloc[:0]) == set()


def test_numbers_of_cells():
    assert [number(cell) for cell in ("45.2 [1, 2]", "-3.1", "not run", "", "-")] == [
        45.2, -3.1, None, None, None,
    ]  # fmt: skip


@given(st.text(alphabet="ab`. ", max_size=600))
def test_a_caption_is_shown_whole(text):
    first, rest = cut(text)
    assert [*first, *rest] == [*text] or f"{first} {rest}" == text
    assert "".join(piece for _, piece in spans(text)) == text.replace("`", "")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
def test_a_table_comes_back_from_its_page(tmp_path_factory, cells):
    """Whatever letters its cells and caption hold."""
    cells = [" ".join(cell.split()) or "-" for cell in map(str, cells)]
    cells = [cell.encode("utf-8", "replace").decode() for cell in cells]
    folder = tmp_path_factory.mktemp("table")
    shown = pd.DataFrame({f"c{i}": [cell] for i, cell in enumerate(cells)})
    write_table(folder, "t", shown, shown, "A <caption> & more.")
    header, rows, caption = parse_table(folder / "t.html")
    assert (header, caption) == (list(shown), "A <caption> & more.")
    assert [" ".join(cell.split()) for cell in rows[0]] == [" ".join(c.split()) for c in cells]


def test_bars_by_hand(tmp_path):
    """Two jobs side by side, then one alone: 100 seconds."""
    for name, start, seconds in (("embed/a", 0, 60), ("embed/b", 10, 30), ("train", 60, 40)):
        path = tmp_path / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t10.0\n")
        os.utime(path, (10**6 + start + seconds,) * 2)
    found = schedule(tmp_path)
    bars = [[(bar.left, bar.width) for bar in slot] for slot in found.slots]
    assert bars == [[(0, 60), (60, 40)], [(10, 30)]]
    assert [kind for _, kind in found.kinds] == ["embed", "train"]
    assert "3 jobs in 1.7 minutes" in found.caption and "train 40 s" in found.caption
    assert schedule(tmp_path / "elsewhere") is None


@pytest.fixture
def study(tmp_path):
    """A study of one figure and three tables, one wide, one with the paired tests."""
    figures, tables = tmp_path / "figures", tmp_path / "tables"
    figures.mkdir()
    for ending, data in {
        "png": PIXEL, "csv": b"a,b\n1,2\n", "md": b"What `plain` scores. Answers nothing."
    }.items():  # fmt: skip
        (figures / f"prompt_scores.{ending}").write_bytes(data)
    shown = pd.DataFrame(
        {
            "prompt": ["plain", "hierarchical"],
            "scores": ["measured here"] * 2,
            "all": ["9.0 [8.0, 10.0]", "12.0 [11.0, 13.0]"],
        }
    )
    write_table(tables, "zero_shot", shown, shown, "Precision@1. " * 40)
    numbers = pd.DataFrame([one_test("hierarchical", "plain", 0.03)])
    write_table(tables, "zero_shot_tests", numbers, numbers, "Tests.")
    wide = pd.DataFrame({f"a column of number {i}": ["word " * 30, "<b>"] for i in range(30)})
    write_table(tables, "leakage", wide, wide, "x" * 400)
    config = {
        "experiment": "tried", "model": {"name": "m"}, "data": {"source": "mini"},
        "embed": {"prompts": ["plain", "hierarchical"]}, "mine": {"k": 7, "m": 3},
        "train": {"runs": [], "steps": 1, "seeds": [0]},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    facts = {
        "revision": "abc", "machine": {"platform": "here", "cores": 2},
        "software": {"numpy": "2"}, "configuration": "experiment: tried <script>",
    }  # fmt: skip
    (tmp_path / "provenance.run.json").write_text(json.dumps(facts))
    return tmp_path


def report(study, *tables, figures=("prompt_scores",)):
    return [
        *("--results", str(study), "--config", str(study / "config.yaml")),
        *("--provenance", str(study / "provenance.run.json")),
        *("--figures", *(str(study / "figures" / f"{name}.png") for name in figures)),
        *("--tables", *(str(study / "tables" / f"{name}.html") for name in tables)),
        *("--out", str(study / "report.html")),
    ]


TABLES = ("zero_shot", "zero_shot_tests", "leakage")


def test_the_page_by_hand(study):
    assert write_report.main(report(study, *TABLES)) == 0
    page = (study / "report.html").read_text(encoding="utf-8")
    assert page.count("<b>") == 1 and "<b>12.0 [11.0, 13.0]</b>" in page
    assert "<code>plain</code>" in page and "&lt;b&gt;" in page and "&lt;script&gt;" in page
    assert '<span class="verdict yes">yes</span>' in page
    assert page.index('id="prompt_scores"') < page.index('id="zero_shot"')
    assert "the data doctor had nothing to look at (data.source: mini)" in page
    assert write_report.main(report(study, *TABLES)) == 0
    assert (study / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("tables", "figures", "said"),
    [
        (["nothing_like_it"], ["prompt_scores"], "nothing_like_it"),
        (["mining"], ["prompt_scores"], "mining.csv"),
        (["zero_shot"], ["umap"], "umap.png"),
    ],
)
def test_what_is_missing_is_named(study, tables, figures, said, capsys):
    assert write_report.main(report(study, *tables, figures=figures)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (study / "report.html").exists()


def test_the_page_in_a_browser(study, browser):
    """A table far wider than the page, letters without a break: nothing overflows."""
    assert write_report.main(report(study, *TABLES)) == 0
    check_page(browser, study / "report.html", SCREENSHOTS / "report_by_hand")


def test_sorting_and_searching_in_a_browser(study, browser):
    """A second click turns the order; the search leaves what holds all words."""
    assert write_report.main(report(study, *TABLES)) == 0
    browser.open(study / "report.html", 1200, 800)
    browser.value("var t = document.querySelector('#zero_shot table'); null")
    click = "t.tHead.rows[0].cells[2].querySelector('button').click()"
    order = "[...t.tBodies[0].rows].map((row) => row.cells[0].textContent).join()"
    assert browser.value(f"{click}; {order}") == "hierarchical,plain"  # 12 before 9: as numbers
    assert browser.value(f"{click}; {order}") == "plain,hierarchical"
    search = (
        "((words) => { const box = document.getElementById('search'); box.value = words;"
        " box.dispatchEvent(new Event('input'));"
        " return [...document.querySelectorAll('.product')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.id).join(); })"
    )
    assert browser.value(f"{search}('PRECISION@1 hierarchical')") == "zero_shot"
    assert browser.value(f"{search}('no such words')") == ""
    assert browser.value("document.getElementById('nothing').checkVisibility()") is True
    every = browser.value(f"{search}('')").split(",")
    assert {"prompt_scores", *TABLES, "software", "configuration"} <= set(every)
    assert browser.faults() == []
