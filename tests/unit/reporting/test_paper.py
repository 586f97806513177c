"""The map of the paper: whole, true to rules and docstrings, and where it must be read."""

import ast
import re
from pathlib import Path

import pytest

import write_map
from gen2embed.errors import InputError
from gen2embed.program_code import sources
from gen2embed.reporting.pages.paper_page import fill, full_map, short_map
from gen2embed.reporting.paper import NO_NUMBER, NONE, answer, heading, read_products

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
PRODUCTS = read_products()
RULES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("rules/*.smk")))
KNOWN = {*(f"figure {number}" for number in range(1, 6)), "algorithm 1"}  # all that is at hand


def parts(answers):
    return set(answers.split("; "))


def told_in_docstrings():
    """Program or module -> the parts of the paper that its docstring says it answers."""
    told = {}
    for path in sorted(SCRIPTS.rglob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found = re.search(r"^Paper: (.+)\.$", doc, re.M)
        if found:
            told[path.relative_to(ROOT).as_posix()] = parts(found[1])
    return told


def programs_of_rules():
    """Rule -> programs that it names, from the text of the rule files."""
    blocks = re.split(r"^ *(?:use )?rule (\w+)[^\n]*:$", RULES, flags=re.M)[1:]
    found = {}
    for name, text in zip(blocks[::2], blocks[1::2], strict=True):
        found[name] = re.findall(r'program\("(\w+\.py)"\)', text)
    return found


def test_every_product_of_the_rules_is_in_the_map():
    for kind in ("figure", "table"):
        calls = re.findall(rf"paths\.{kind}s\(([^)]*)\)", RULES)
        texts = (re.sub(r"folder=.*", "", call) for call in calls)
        named = {name for text in texts for name in re.findall(r'"(\w+)"', text)}
        assert named == {one.name for one in PRODUCTS if one.kind == kind}


@pytest.mark.parametrize("one", PRODUCTS, ids=lambda one: one.name)
def test_a_product_has_a_rule_that_uses_its_program(one):
    assert one.kind in ("figure", "table", "algorithm", "equation") and one.claim
    used = {path for name in programs_of_rules()[one.rule] for path in sources(SCRIPTS / name)}
    assert ROOT / one.program in used


def test_every_known_part_is_answered_and_no_number_is_invented():
    answered = set().union(*(parts(one.answers) for one in PRODUCTS))
    assert answered == KNOWN | {"abstract", NO_NUMBER, NONE}
    assert len({one.name for one in PRODUCTS}) == len(PRODUCTS)


def test_docstrings_and_map_agree():
    of_map = {}
    for one in PRODUCTS:
        if one.answers != NONE:
            of_map.setdefault(one.program, set()).update(parts(one.answers))
    told = told_in_docstrings()
    assert told == of_map
    assert set().union(*told.values()) >= KNOWN


def test_only_what_shows_products_depends_on_the_map():
    """A word changed in it must not embed or train anew: no stage before tables and figures."""
    showing = {one.program for one in PRODUCTS if one.kind in ("figure", "table")}
    showing |= {f"scripts/{name}.py" for name in ("publish_results", "write_map", "write_report")}
    of_map = SCRIPTS / "gen2embed/reporting/paper.csv"
    for path in sorted(SCRIPTS.glob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        expected = name in showing - {"scripts/check_data.py"}
        assert (of_map in sources(path)) == expected, name


def test_sentences():
    assert answer("hardness_overlap") == "Answers the paper's figure 5."
    assert answer("saha") == "Answers the paper's algorithm 1 and figure 2."
    assert answer("runs") == "Answers a part of the paper whose number is not known here."
    assert answer("cost") == "Answers no part of the paper that is known here."
    assert heading("umap") == "umap: the paper's figure 3" and heading("cost") == "cost"
    with pytest.raises(InputError, match="has no product 'nothing'; add a row"):
        answer("nothing")


@pytest.mark.parametrize("page", ["README.md", "docs/paper.md"])
def test_the_pages_hold_the_map(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == fill(text, PRODUCTS), "write it again: scripts/write_map.py"


def test_products_of_one_rule_that_answer_the_same_share_a_row():
    """By hand: runs_datasets and runs_tests are one rule's, and neither answers a known part."""
    two = [one for one in PRODUCTS if one.name in ("runs_datasets", "runs_tests")]
    claims = "; ".join(one.claim for one in two)
    row = f"| `runs_datasets`, `runs_tests` | none known | {claims} |"
    assert short_map(two).splitlines()[2:] == [row]
    assert "| none known | tables `runs_datasets`, `runs_tests` |" in full_map(two)


def test_a_page_keeps_what_is_around_the_map():
    page = "above\n<!-- map: short -->\nstale\n<!-- map: end -->\nbelow\n"
    filled = fill(page, PRODUCTS)
    assert filled.startswith("above\n<!-- map: short -->\n\n| product |")
    assert filled.endswith("|\n\n<!-- map: end -->\nbelow\n") and "stale" not in filled
    with pytest.raises(InputError, match="no place for the map"):
        fill("nothing here", PRODUCTS)


def test_the_program_writes_pages_or_says_which_is_none(tmp_path, capsys):
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    page.write_text("# Page\n<!-- map: full -->\n<!-- map: end -->\n")
    other.write_text("# Other\n")
    assert write_map.main(["--pages", str(page)]) == 0
    assert "figure `umap`" in page.read_text()
    assert write_map.main(["--pages", str(other)]) == 2
    assert f"{other}: no place for the map" in capsys.readouterr().err
    assert write_map.main(["--pages", str(tmp_path / "none.md")]) == 2
    assert "none.md: no such file" in capsys.readouterr().err
