"""Every program of a finished study with one flag or one file spoilt at a time: one line, or a
result; no traceback, no hang, no crash, nothing of the user's lost.

Calls are those that Snakemake would make, and by hand those of programs that no rule of this study
runs. Trials are drawn by seeds: ``GEN2EMBED_TRIALS`` of each program (default 12), from
``GEN2EMBED_FIRST`` on; ``GEN2EMBED_KEEP``, a file, keeps what came of them.
"""

import json
import os
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest

from gen2embed.command_line import _flags
from hostile import FAULTS, Call, attempt, parser_of, works
from workflow.conftest import copy_finished
from workflow.inputs_by_hand import by_hand

pytestmark = pytest.mark.slow
CI = ("--configfile", "configs/ci.yaml")
TRIALS = int(os.environ.get("GEN2EMBED_TRIALS", "12"))
FIRST = int(os.environ.get("GEN2EMBED_FIRST", "0"))
# programs that load a model or draw: fewer trials of each
SLOW = {"train_generator": 4, "train_adapter": 2, "embed_items": 2, "analyse_attention": 2,
        "analyse_layers": 2, "plot_umap": 4, "build_benchmark": 2, "export_model": 2}  # fmt: skip
NOT_HERE = {"fetch_data", "fetch_model", "launch_processes"}  # networks and processes: own tests


def simple_commands(words):
    """The words of each command of a line, without what is redirected."""
    command, skip = [], False
    for word in [*words, "&&"]:
        if word in ("&&", "||", "|", ";"):
            yield command
            command = []
        elif skip or re.fullmatch(r"2?>>?|<", word):
            skip = not skip
        elif word != "2>&1":
            command.append(word)


def study_calls(project):
    """A call for each program that the study's rules run."""
    output = project.snakemake("-n", "-p", "--forceall", *CI, "--", "all", "digest")
    found = {}
    for command in re.findall(r"^Shell command: (.*scripts/.*)$", output, flags=re.M):
        for words in simple_commands(shlex.split(re.sub("; ", " ; ", command))):
            where = next((n for n, word in enumerate(words) if word.startswith("scripts/")), None)
            if where is None:
                continue
            program, words = Path(words[where]).stem, words[where + 1 :]
            if "--job-list" in words:
                path = project.folder / words[words.index("--job-list") + 1]
                if not path.is_file():
                    continue
                job = json.loads(path.read_text("utf-8"))[0]
                words = _flags(parser_of(program), job, str(path), 0)
            found.setdefault(program, Call(program, tuple(words), project.folder))
    return found


@pytest.fixture(scope="module")
def calls(finished, tmp_path_factory):
    project = copy_finished(finished, tmp_path_factory.mktemp("inputs"))
    of_study = study_calls(project)
    shutil.rmtree(project.folder / ".snakemake")
    return {**of_study, **by_hand(project.folder)}


def programs():
    names = sorted(path.stem for path in Path("scripts").glob("*.py"))
    return [name for name in names if name not in NOT_HERE]


@pytest.mark.parametrize("program", programs())
def test_one_thing_wrong(calls, tmp_path, program):
    call = calls[program]
    assert not works(call, tmp_path)
    number = SLOW.get(program, 12) * TRIALS // 12
    trials = [attempt(call, seed, tmp_path) for seed in range(FIRST, FIRST + number)]
    if kept := os.environ.get("GEN2EMBED_KEEP"):
        with Path(kept).open("a", encoding="utf-8") as file:
            for one in trials:
                line = [one.program, one.outcome, round(one.seconds, 2), one.fault, one.said]
                file.write(json.dumps(line) + "\n")
    faults = [one for one in trials if one.outcome in FAULTS]
    print(program, dict(Counter(one.outcome for one in trials)))
    assert not faults, "\n\n".join(f"{one.outcome}: {one.fault}\n{one.said}" for one in faults)
