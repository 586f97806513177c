"""Shell text in the configuration and in names of data reaches programs as text, or is refused.

Studies are planned within this process; one command of every rule is run by a real bash, in an
empty folder where programs of other names stand in for Python's and Snakemake's: they keep what
they were told. Whatever the text itself starts leaves a file behind.
"""

import copy
import csv
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from configurations import configured
from gen2embed.below import check_name
from gen2embed.data import datasets
from gen2embed.errors import InputError
from gen2embed.settings import SCHEMA
from gen2embed.study.configuration import check_configuration
from gen2embed.study.jobs import flags
from workflow.conftest import ROOT
from workflow.planned import link_project, planned_commands

TEXTS = (
    "; touch PWNED #$(touch PWNED)`touch PWNED`",
    "' ; touch PWNED ; '",
    'x" ; touch PWNED ; " && touch PWNED | touch PWNED',
    "x$IFS>PWNED & touch PWNED & ~ * ? [a-z] \\ é",
)
REFUSED = (
    "{", "a{prompt}b", "{wildcards.run}", "${HOME}", "a\nb", "a\n", "\n", "a\r", "-rf", "--help",
    "a\x00b", "a\tb", "a\x85b", "a\u2028touch PWNED", "\ud800", "x" * 300, "x; touch PWNED\n{",
)  # fmt: skip
STUDIES = ("ci", "paper_2b", "released_2b")  # made here; downloaded and trained; downloaded alone
MORE = ("real_text",)
PATTERNS = (("train", "modules"),)  # braces and dashes have a meaning of their own there
STAND_IN = '#!/bin/bash\nprintf "%s\\n" "$@" >> "$TOLD"\n[ -t 0 ] || while read -r _; do :; done\n'


def strings(value, path=()):
    """Paths of all strings of a configuration."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, element in inner:
        yield from strings(element, (*path, key))
    if isinstance(value, str):
        yield path


def with_text(config, path, text):
    config = copy.deepcopy(config)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = text
    return config


def is_taken(config):
    try:
        check_configuration(config, SCHEMA)
    except InputError as error:
        assert not re.search(r"[\n\r\x00]", str(error)) and len(str(error)) < 600
        return False
    return True


def filled(config, text):
    """The configuration with the text in every string that takes it, and how many do."""
    count = 0
    for path in strings(config):
        changed = with_text(config, path, text)
        if is_taken(changed):
            config, count = changed, count + 1
    return config, count


def with_names(monkeypatch, folder, benchmark, text):
    """The first data set of each part gets a name of its own in the register."""
    register = ROOT / "scripts/gen2embed/data" / datasets.REGISTERS[benchmark]
    with register.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for part in datasets.PARTS:
        next(row for row in rows if row["part"] == part)["name"] = text
    with (folder / "register.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.setitem(datasets.REGISTERS, benchmark, str(folder / "register.csv"))


def run_in_bash(command, folder):
    """Run it as Snakemake has it, with stand-ins that write down every word that they are told."""
    for path in re.findall(r"results/[\w./=-]*\.log", command):  # Snakemake makes their folders
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    script = folder / "command.sh"  # one word of a command line has at most 128 kB
    script.write_text(command, encoding="utf-8")
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "TOLD": str(folder / "told")}
    subprocess.run(
        ["bash", "-euo", "pipefail", str(script)],
        cwd=folder, env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip


def times_told(commands, folder, texts):
    """Run one command of every rule: how often each text reached a program, or a job list.

    AssertionError where one of them started anything of the texts.
    """
    (folder / "bin").mkdir()
    for name in ("python", "snakemake", "srun"):
        (folder / "bin" / name).write_text(STAND_IN)
        (folder / "bin" / name).chmod(0o755)
    for command in dict(commands).values():
        run_in_bash(command, folder)
    assert not list(folder.rglob("*PWNED*")), "the text was executed"
    told = "".join(path.read_text("utf-8") for path in folder.rglob("*.jobs.json"))
    told += json.dumps((folder / "told").read_text("utf-8"))
    return [told.count(json.dumps(text)[1:-1]) for text in texts]


def attack(study, text, tmp_path, monkeypatch, rules=None):
    """Plan a study with the text everywhere and run it; how many strings, and how often told."""
    config, count = filled(configured(study), text)
    name = "Set " + re.sub(r"[/\\]", "", text).strip()
    with_names(monkeypatch, tmp_path, config["data"]["source"], name)
    project, bash = tmp_path / "project", tmp_path / "bash"
    project.mkdir()
    bash.mkdir()
    link_project(project, *(["rules"] if rules else []))
    if rules:
        shutil.copytree(rules, project / "rules")
    commands = planned_commands(project, config)
    assert len(dict(commands)) > 20
    return count, *times_told(commands, bash, (text, name))


@pytest.mark.parametrize(
    "study", [*STUDIES, *(pytest.param(study, marks=pytest.mark.slow) for study in MORE)]
)
@pytest.mark.parametrize(
    "text",
    [TEXTS[0], *(pytest.param(text, marks=pytest.mark.slow) for text in TEXTS[1:])],
    ids=["comment", "single", "double", "redirection"],
)
def test_shell_text_everywhere(study, text, tmp_path, monkeypatch):
    count, told, names = attack(study, text, tmp_path, monkeypatch)
    assert count >= 4  # store, revision, index, ...: all others are checked against what is known
    assert told >= count and names > 5


@pytest.mark.parametrize("study", STUDIES)
def test_what_is_refused_in_every_string(study):
    config = configured(study)
    places = [path for path in strings(config) if path not in PATTERNS]
    assert len(places) > 30
    taken = [
        (path, text)
        for path in places
        for text in REFUSED
        if is_taken(with_text(config, path, text))
    ]
    assert not taken


@pytest.mark.parametrize("text", [*REFUSED, "", " ", ".", "..", ".x", "a/b", "/a", "a\\b", "x "])
def test_names_that_are_refused(text, tmp_path, monkeypatch):
    for benchmark in datasets.REGISTERS:
        with monkeypatch.context() as patch, pytest.raises(InputError) as fault:
            if "\ud800" in text or "\x00" in text or "\r" in text:  # no file can hold it as it is
                check_name(text, "register.csv")
            with_names(patch, tmp_path, benchmark, text)
            datasets.names(benchmark, "train")
        assert len(str(fault.value).splitlines()) == 1
        assert "is no name of a data set" in str(fault.value)


def without_quotes(folder, names):
    """A copy of the rules in which these files quote nothing."""
    rules = folder / "unquoted"
    shutil.copytree(ROOT / "rules", rules)
    for name in names:
        text = (rules / name).read_text(encoding="utf-8")
        assert ":q}" in text
        (rules / name).write_text(text.replace(":q}", "}"), encoding="utf-8")
    return rules


# their values are known names, numbers and paths in these studies: test_quoting.py alone holds them
NO_FREE_TEXT = ("composition.smk", "embed.smk", "export.smk", "report.smk", "when.smk")
QUOTING = sorted(path.name for path in (ROOT / "rules").glob("*.smk") if ":q}" in path.read_text())


@pytest.mark.parametrize(
    "names",
    [
        QUOTING,
        *(
            pytest.param([name], marks=pytest.mark.slow)
            for name in QUOTING
            if name not in NO_FREE_TEXT
        ),
    ],
    ids=lambda names: names[0] if len(names) == 1 else "all",
)
def test_rules_that_quote_nothing_are_noticed(names, tmp_path, monkeypatch):
    """In one study at least: not every file takes free text in each of them."""
    rules = without_quotes(tmp_path, names)
    noticed = []
    for study in ("ci", *(other for other in (*STUDIES, *MORE) if other != "ci")):
        (tmp_path / study).mkdir()
        try:
            attack(study, TEXTS[0], tmp_path / study, monkeypatch, rules)
        except AssertionError as error:
            noticed.append(study if "the text was executed" in str(error) else "")
        if any(noticed):
            return
    assert any(noticed)


def test_what_is_a_flag_is_one_word_each():
    for text in (*TEXTS, "a\nb", "é \t"):
        words = flags({"some_key": text, "many": [text, text], "none": None, "empty": ""})
        assert words == ["--some-key", text, "--many", text, text, "--empty="]
        assert shlex.split(shlex.join(words)) == words
