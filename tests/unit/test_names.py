"""Names in the library and the programs say what they hold: none is a pronoun."""

import ast
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PRONOUNS = {"one", "ones", "said", "told", "it", "each", "both", "some", "here", "there", "same"}
FILES = sorted(path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.py"))


def bound(node):
    """Names that a node of the syntax tree binds."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name


def pronouns_in(text):
    nodes = ast.walk(ast.parse(text))
    return {name for node in nodes for name in bound(node) if name.strip("_") in PRONOUNS}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for one in range(3): pass", {"one"}),
        ("def f(told): return told", {"told"}),
        ("def _said(): pass", {"_said"}),
        ("x = [each for each in y]", {"each"}),
        ("from a import it\nnumber = one_more = 1", {"it"}),
    ],
)
def test_what_counts(text, found):
    assert pronouns_in(text) == found


def test_no_name_is_a_pronoun():
    found = {name: pronouns_in((SCRIPTS / name).read_text(encoding="utf-8")) for name in FILES}
    assert {name: words for name, words in found.items() if words} == {}
