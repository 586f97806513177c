"""Numbers in pages: read from files at every mark, and no result in the pages without one."""

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fill_numbers
from gen2embed.errors import InputError
from gen2embed.reporting.pages.numbers import MARKED, SOURCES, UNKNOWN, fill, sources
from gen2embed.reporting.paper import read_products

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "paper_figures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_MARKS = [page for page in PAGES if SOURCES.search(page.read_text(encoding="utf-8"))]


@pytest.fixture
def folder(tmp_path):
    frame = pd.DataFrame(
        {
            "run": ["a, p", "b, p", "c, p", "d, p"],
            "value": [0.4567, 0.5, 0.1, 0.1],
            "ci_low": [0.4, 0.45, 0.1, 0.1],
            "ci_high": [0.5, 0.55, 0.1, 0.1],
            "rate": [0.021, 0.0, 0.1, 0.1],
            "rate_ci_low": [0.01, 0.0, 0.1, 0.1],
            "rate_ci_high": [0.03, 0.02, 0.1, 0.1],
            "difference": [-0.01, 0.05, -0.05, 0.001],
            "p_holm": [0.3, 0.001, 0.001, 0.9],
            "p_equivalent": [0.2, 1.0, 1.0, 0.01],
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "t.md").write_text("Caption.\n\n| run |\n|:--|\n| a |\n")
    return tmp_path


def page(said, text="stale"):
    return f"Before <!--=x-->{text}<!--/--> after.\n\n<!-- numbers:\nx = {said}\n-->\n"


def read(folder, said):
    filled, missing = fill(page(said), folder)
    return re.search(r"Before <!--=x-->(.*)<!--/--> after", filled, re.DOTALL)[1], missing


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('t run="a, p" : value %', "45.7"),
        ('t run="a, p" : value %whole', "46"),
        ('t run="a, p" : value %ci', "45.7 [40.0, 50.0]"),
        ('t run="a, p" : rate %ci', "2.1 [1.0, 3.0]"),
        ('t run="b, p" : value 3', "0.500"),
        ("t run='b, p' : value 2", "0.50"),
        ('t run="b, p" value=0.5 : difference pointsci', "+5.0 [+45.0, +55.0]"),
        ('t run="a, p" : p_equivalent verdict', "undecided (95 %: +40.0 to +50.0)"),
        ('t run="b, p" : p_equivalent verdict', "differs"),
        ('t run="a, p" : p_equivalent claim', "undecided (95 %: +40.0 to +50.0)"),
        ('t run="b, p" : p_equivalent claim', "yes"),
        ('t run="c, p" : p_equivalent claim', "no, the other way"),
        ('t run="d, p" : p_equivalent claim', "no, same within 2 points"),
        ("t : table", "\n\n| run |\n|:--|\n| a |\n\n"),
    ],
)
def test_a_number_by_hand(folder, said, text):
    assert read(folder, said) == (text, [])


@pytest.mark.parametrize(
    "said",
    ["none run=a : value %", 't run="z, p" : value %', 't run="a, p" : other %', "u : table"],
)
def test_what_was_not_published_says_so(folder, said):
    text, missing = read(folder, said)
    assert text.strip() == UNKNOWN and missing == ["x"]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("t : value %", "4 rows of .* fit; name one"),
        ('t run="a, p" : value', "write TABLE COLUMN=VALUE"),
        ('t run="a, p : value %', "write TABLE COLUMN=VALUE"),
        ("t run : value %", "write TABLE COLUMN=VALUE"),
        ("t value %", "write TABLE COLUMN=VALUE"),
        ('t run="a, p" : value percent', "no form 'percent'; known: %, %ci"),
    ],
)
def test_faults_are_named(folder, said, says):
    with pytest.raises(InputError, match=says):
        fill(page(said), folder)


def test_marks_and_sources_belong_together(folder):
    for wrong in (
        page("t : table").replace("<!--=x-->", "<!--=y-->"),
        page("t : table").split("<!-- numbers")[0],
        page("t : table\nx = t : table"),
    ):
        with pytest.raises(InputError, match=r"needs a mark|each name once"):
            fill(wrong, folder)


@given(st.text(st.characters(exclude_characters="<>-"), max_size=40))
def test_filling_twice_changes_nothing_whatever_stood_there(tmp_path_factory, stale):
    folder = tmp_path_factory.mktemp("numbers", numbered=True)
    (folder / "t.csv").write_text("run,value\na,0.5\n")
    once, _ = fill(page("t run=a : value %", stale), folder)
    assert once == page("t run=a : value %", "50.0") == fill(once, folder)[0]


def test_the_program(folder, capsys):
    path = folder / "page.md"
    path.write_text(page('t run="a, p" : value %') + "\n")
    plain = folder / "plain.md"
    plain.write_text("no marks\n")
    words = ["--numbers", str(folder), "--pages", str(path), str(plain)]
    assert fill_numbers.main(words) == 0
    assert "<!--=x-->45.7<!--/-->" in path.read_text() and plain.read_text() == "no marks\n"
    path.write_text(page('t run="z, p" : value %'))
    assert fill_numbers.main(words) == 0
    assert "page.md: not published: x" in capsys.readouterr().err
    path.write_text(page("t : value %"))
    assert fill_numbers.main(words) == 2
    assert f"{path}: numbers: x: 4 rows of" in capsys.readouterr().err
    assert fill_numbers.main(["--numbers", str(folder / "no"), "--pages", str(path)]) == 2
    assert "no such folder; publish a run first" in capsys.readouterr().err


def test_the_pages_with_results_have_marks():
    assert {page.name for page in WITH_MARKS} >= {"mini.md", "mining.md"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_hold_the_published_numbers(path):
    text = path.read_text(encoding="utf-8")
    assert text == fill(text, PUBLISHED)[0], "write them again: scripts/fill_numbers.py"


@pytest.mark.parametrize("path", WITH_MARKS, ids=lambda path: path.name)
def test_sources_are_products_and_columns_that_there_are(path):
    """Also where the published run is older than the mark: a slip is no "not published"."""
    products = {one.name for one in read_products()} | {"miners"}  # of score_miner.py, by hand
    dictionary = (ROOT / "docs" / "data_dictionary.md").read_text(encoding="utf-8")
    for name, source in sources(path.read_text(encoding="utf-8")).items():
        table = source.table.rsplit("/", 1)[-1]  # of an experiment of its own: in its folder
        assert table in products, name
        stems = {re.sub(r"_(T2I|I2T|Change)$", "_<subset>", one) for one in source.columns}
        assert stems <= columns_of(table, dictionary), name


def columns_of(table, dictionary):
    """The columns that the data dictionary gives a table; "the columns of ..." are followed."""
    rows = [line.split("|") for line in dictionary.splitlines() if line.startswith("|")]
    cells = " ".join(row[2] for row in rows if re.search(rf"[`/]{table}\.csv`", row[1]))
    known = set(re.findall(r"`([\w<>]+)`", cells))
    for other in re.findall(r"the columns of `(\w+)\.csv`", cells):
        known |= columns_of(other, dictionary)
    return known


@pytest.mark.parametrize("path", WITH_MARKS, ids=lambda path: path.name)
def test_no_result_stands_without_a_mark(path):
    """Neither an interval nor a score to one decimal, outside of code."""
    text = SOURCES.sub("", MARKED.sub("", path.read_text(encoding="utf-8")))
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    assert not re.findall(r"\[[-+]?\d+\.\d.*?\]|[-+]?\d+\.\d %|[-+]\d+\.\d points", text)
