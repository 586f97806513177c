"""What the README shows is there: its links, its targets, its rule graph."""

import re
import shlex
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from workflow.conftest import ROOT

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "paper_figures/README.md",
    *map(str, ROOT.glob("docs/*.md")),
]
RULES = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for link in links:
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


def test_the_rule_graph_is_the_workflows(project):
    drawn = README.split("```mermaid")[1].split("```")[0]
    of_readme = set(re.findall(r"\w+(?= -->)|(?<=--> )\w+", drawn))
    output = project.snakemake("--rulegraph", "mermaid-js")
    assert of_readme == set(re.findall(r"id\d+\[(\w+)\]", output))


def test_every_target_of_the_table_exists(project):
    targets = set(re.findall(r"`snakemake --cores all (\w+)`", README))
    row = next(line for line in README.splitlines() if "also a single stage" in line)
    targets |= set(re.findall(r"`(\w+)`", row.split("single stage")[1]))
    assert targets >= {"data", "mine", "train", "report", "publish", "digest"}
    listed = project.snakemake("--list-target-rules").split()
    assert targets <= set(listed)


def snakemake_commands():
    """Every call of Snakemake in the pages: in code blocks and between backticks."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        lines = [line for block in text.split("```")[1::2] for line in block.splitlines()]
        for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
            if line.startswith("snakemake ") and "<" not in line:
                yield pytest.param(shlex.split(line, comments=True)[1:], id=line)


@pytest.mark.parametrize("arguments", list(snakemake_commands()))
def test_every_call_of_snakemake_is_one(arguments, monkeypatch):
    """Its flags are known, its files are there, its targets are rules (no run)."""
    monkeypatch.chdir(ROOT)
    _, told = parse_args(["--cores", "1", *arguments])
    for path in told.configfile or []:
        assert Path(path).is_file(), path
    rules = re.findall(r"^ *rule (\w+):", "".join(map(Path.read_text, RULES)), re.M)
    assert set(told.targets or []) <= set(rules)
