"""The drawn graphs are the workflow's: of stages in README.md, of all rules in docs/rules.md."""

import re

import pytest

from workflow.conftest import ROOT, copy_project

NAMES_ALONE = {"common", "resources", "names", "jobs"}  # rule files that hold no rule
# stages that the README draws as one
SHOWN_AS = {"tables": "report", "figures": "report", "when": "report", "export": "evaluate"}


def arrows(page):
    """Arrows of the page's Mermaid graph, its labels left out."""
    drawn = (ROOT / page).read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    return set(re.findall(r"^ *(\w+) --(?:[^>\n]*--)?> (\w+)", drawn, re.M))


def reached(edges):
    """What follows from arrows: every pair with a path between."""
    found = set(edges)
    while True:
        further = {(a, d) for a, b in found for c, d in edges if b == c} - found
        if not further:
            return found
        found |= further


def stage_of_rules():
    """Rule -> the stage whose file holds it, by the Snakefile's includes."""
    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    stages = {}
    for name in re.findall(r'^include: "rules/(\w+)\.smk"', snakefile, re.M):
        text = (ROOT / "rules" / f"{name}.smk").read_text(encoding="utf-8")
        rules = re.findall(r"^ *rule (\w+):|^ *use rule \w+ as (\w+)", text, re.M)
        assert bool(rules) == (name not in NAMES_ALONE), name
        stages |= {rule or used: SHOWN_AS.get(name, name) for rule, used in rules}
    return stages


@pytest.fixture(scope="module")
def rule_graph(tmp_path_factory):
    """Arrows of Snakemake's own graph of the mini experiment."""
    project = copy_project(tmp_path_factory.mktemp("graph"))
    output = project.snakemake("--rulegraph", "mermaid-js")
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", output))
    return {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", output)}


def test_the_rule_graph_is_the_workflows(rule_graph):
    drawn = arrows("docs/rules.md")
    assert drawn - rule_graph == set()
    assert rule_graph - reached(drawn) == set()


def test_the_stage_graph_is_that_of_the_rule_files(rule_graph):
    """Every drawn stage is a rule file, every arrow is one between rules, and none is missing."""
    stages = stage_of_rules()
    between = {
        (stages[a], stages[b]) for a, b in rule_graph if b != "all" and stages[a] != stages[b]
    }
    drawn = arrows("README.md")
    assert {one for arrow in drawn for one in arrow} == set(stages.values())
    assert drawn - between == set()
    assert between - reached(drawn) == set()
