"""Shell text in the configuration and in names of data reaches programs as text, or is refused.

Every command that Snakemake would run is run by a real bash, in an empty folder where programs of
other names stand in for Python's and Snakemake's: they keep what they were told. Whatever the text
itself starts leaves a file behind.
"""

import copy
import csv
import json
import os
import re
import shlex
import subprocess

import pytest
import yaml

from gen2embed.errors import InputError
from gen2embed.settings import SCHEMA
from gen2embed.study.configuration import check_configuration
from workflow.conftest import ROOT

TEXTS = (
    "; touch PWNED #$(touch PWNED)`touch PWNED`",
    "' ; touch PWNED ; '",
    '" ; touch PWNED ; " && touch PWNED | touch PWNED',
    "-$IFS>PWNED",
)
STAND_IN = (
    '#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word" >> "$TOLD"; done\ncat > /dev/null\n'
)
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def strings(value, path=()):
    """Paths of all strings of a configuration."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield from strings(one, (*path, key))
    if isinstance(value, str):
        yield path


def with_text(config, path, text):
    config = copy.deepcopy(config)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = text
    return config


def taken(config, text):
    """The configuration with the text in every string that takes it, and how many do."""
    count = 0
    for path in strings(config):
        changed = with_text(config, path, text)
        try:
            check_configuration(changed, SCHEMA)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            config, count = changed, count + 1
    return config, count


def commands(output):
    """The shell commands of a dry run."""
    return re.findall(r"^Shell command: (.*)$", output, flags=re.M)


def run_in_bash(command, folder):
    """Run it with stand-ins; every word that they were told."""
    programs, told = folder / "bin", folder / "told"
    programs.mkdir(exist_ok=True)
    for name in ("python", "snakemake", "srun"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    for path in re.findall(r"results/[\w./=-]*\.log", command):  # Snakemake makes their folders
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    script = folder / "command.sh"  # as Snakemake has it for long ones
    script.write_text(command)
    environment = os.environ | {"PATH": f"{programs}:/usr/bin:/bin", "TOLD": str(told)}
    subprocess.run(
        ["bash", "-euo", "pipefail", str(script)],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )  # fmt: skip
    return told.read_text(encoding="utf-8") if told.exists() else ""


def check_commands(output, folder, text):
    """None of them starts anything of the text; how many name it."""
    found = commands(output)
    assert len(found) > 30
    for command in found:
        run_in_bash(command, folder)
    assert not list(folder.rglob("*PWNED*")), "the text was executed"
    lists = "".join(path.read_text() for path in folder.rglob("*.jobs.json"))
    told = (folder / "told").read_text(encoding="utf-8")
    return told.count(text) + lists.count(json.dumps(text)[1:-1])


@pytest.mark.parametrize("text", TEXTS)
def test_every_string_of_the_configuration(project, tmp_path_factory, text):
    overlays = yaml.safe_load((ROOT / "configs" / "paper_2b.yaml").read_text())
    config = copy.deepcopy(CONFIG)
    for section, its in overlays.items():
        config[section] = {**config[section], **its} if isinstance(its, dict) else its
    config, count = taken(config, text)
    assert count >= 5  # copy, store, model, revision, index, ...
    (project.folder / "evil.yaml").write_text(yaml.safe_dump(config))
    output = project.snakemake("-n", "-p", "--configfile", "evil.yaml", "--", "all", "digest")
    assert check_commands(output, tmp_path_factory.mktemp("bash"), text) >= count - 1


def test_names_that_data_bring(project, tmp_path_factory):
    """A data set's name stands in paths of files, in job lists and on command lines."""
    text = "Group $(touch PWNED); touch PWNED"
    register = project.folder / "scripts" / "gen2embed" / "data" / "datasets_mini.csv"
    with register.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [text if name == "Group" else name for name in rows[1]] != rows[1]
    for row in rows:
        if row[1] == "Group":
            row[1] = text
    with register.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    arguments = ("--configfile", "configs/ci.yaml", "--", "all", "digest")
    output = project.snakemake("-n", "-p", *arguments)
    assert check_commands(output, tmp_path_factory.mktemp("bash"), text) > 10


def test_what_is_quoted_is_one_word():
    from gen2embed.study.jobs import flags

    for text in (*TEXTS, "a\nb", "", "é \t"):
        assert shlex.split(flags({"some_key": text, "many": [text, text], "none": None})) == [
            *("--some-key", text, "--many", text, text)
        ]
