"""What the README and the other pages show is there: links, targets, calls, pictures, files."""

import re
import shlex
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from gen2embed.reporting.paper import product
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


def test_every_target_of_the_table_exists(project):
    targets = set(re.findall(r"`snakemake --cores all (\w+)`", README))
    row = next(line for line in README.splitlines() if "also a single stage" in line)
    targets |= set(re.findall(r"`(\w+)`", row.split("single stage")[1]))
    assert targets >= {"data", "mine", "train", "report", "publish", "digest"}
    listed = project.snakemake("--list-target-rules").split()
    assert targets <= set(listed)


def test_pictures_say_what_they_answer():
    """A figure of the README names the numbered part of the paper that paper.csv says, no other."""
    cells = re.findall(r"!\[[^|]*\(paper_figures/(\w+)\.png\)([^|]*)\|", README)
    assert len(cells) == 8
    for name, cell in cells:
        assert f"`figures/{name}`" in cell
        numbered = re.findall(r"figure \d", product(name).answers)
        assert re.findall(r"the paper's (figure \d)", cell) == numbered, name


def test_the_method_names_its_files():
    method = README.split("## The method in ten lines")[1].split("\n\n## ")[0]
    names = re.findall(r"`(\w+/\w+\.\w+)`", method)
    assert len(names) >= 9
    for name in names:
        assert (ROOT / "scripts" / "gen2embed" / name).is_file(), name


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
