"""Which files a program depends on: found from its imports, transitively."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gen2embed import program_code
from gen2embed.errors import InputError
from gen2embed.program_code import digest_of_program, meaning, sources, stamp

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TREE = {
    "run.py": "from gen2embed.a import f\n\ndef later():\n    import gen2embed.deep.b\n",
    "gen2embed/__init__.py": "",
    "gen2embed/a.py": "from gen2embed import c\nNAMES = 'names.yaml'\n",
    "gen2embed/c.py": "import numpy\n",
    "gen2embed/names.yaml": "",
    "gen2embed/other.yaml": "",
    "gen2embed/unused.py": "",
    "gen2embed/deep/__init__.py": "",
    "gen2embed/deep/b.py": "REGISTRY = {'x': 'gen2embed.deep.lazy'}\n",
    "gen2embed/deep/lazy.py": "",
    "gen2embed/deep/unused.py": "",
}


def test_imports_are_followed_and_nothing_else(tmp_path):
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {path.relative_to(tmp_path).as_posix() for path in sources(tmp_path / "run.py")}
    assert found == {name for name in TREE if "unused" not in name and "other" not in name}


def test_a_missing_program_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no such program"):
        sources(tmp_path / "nothing.py")


MODULE = '''"""What it is."""

LIMIT = 3


class Thing:
    """Of some kind."""

    size = 1


def double(x):
    """Twice."""
    return 2 * x  # of course
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# of course", "# if need be", True),
        ('"""Twice."""', '"""Two of it,\n\n    whatever it is."""', True),
        ('    """Of some kind."""\n\n', "", True),
        ('"""What it is."""', "# nothing", True),
        ("LIMIT = 3", "LIMIT = (3)\n\n\n", True),
        ("LIMIT = 3", "LIMIT = 4", False),
        ("2 * x", "x * 2", False),
        ("size = 1", 'size = "1"', False),
        ("def double(x)", "def double(x, y=0)", False),
    ],
)
def test_what_a_module_means(tmp_path, old, new, same):
    program = tmp_path / "run.py"
    program.write_text(MODULE)
    written = stamp(program, tmp_path / "stamps")
    before, when = meaning(program), written.stat()
    assert MODULE.count(old) == 1
    program.write_text(MODULE.replace(old, new))
    assert (meaning(program) == before) == same
    again = stamp(program, tmp_path / "stamps")
    assert (again.stat().st_ino == when.st_ino) == same  # not even written anew


def test_a_stamp_made_anew_is_as_old_as_the_newest_source(tmp_path):
    program = tmp_path / "run.py"
    program.write_text(MODULE)
    os.utime(program, (10**9, 10**9))
    assert stamp(program, tmp_path / "stamps").stat().st_mtime == 10**9


def test_what_was_parsed_is_not_parsed_again_and_an_edit_is(tmp_path, monkeypatch):
    """Over processes: a new one knows what the folder remembers, and no line that is broken."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = tmp_path / "stamps"
    folder.mkdir()
    parsed = []
    parse = program_code._parse
    monkeypatch.setattr(program_code, "_parse", lambda text: parsed.append(text) or parse(text))

    def stamped():
        """As by a process that has just started: the stamp, and how many texts it parsed."""
        parsed.clear()
        program_code._parsed.cache_clear()
        program_code._uses.cache_clear()
        monkeypatch.setattr(program_code, "_known", {})
        monkeypatch.setattr(program_code, "_recalled", set())
        return stamp(tmp_path / "run.py", folder).read_text(), len(parsed)

    first, count = stamped()
    assert count == 5 and stamped() == (first, 0)  # six modules, of which two are empty
    (tmp_path / "gen2embed/a.py").write_text(TREE["gen2embed/a.py"] + "# a remark\n")
    assert stamped() == (first, 1)
    (tmp_path / "gen2embed/a.py").write_text("import gen2embed.unused\n")
    second, count = stamped()
    assert second != first and count == 1 and "unused" in second
    (store,) = folder.glob("parsed-*.jsonl")
    store.write_bytes(store.read_bytes()[:-9] + b"\n[1]\n\xff")
    assert stamped() == (second, 4)
    store.write_text(store.read_text(errors="replace").replace("\ufffd", "")[:-20])
    assert stamped()[0] == second


def test_a_file_that_is_no_module_means_its_bytes():
    assert len(digest_of_program("embed_items.py")) == 64
    named = meaning(SCRIPTS / "embed_items.py")
    assert "gen2embed/prompts/prompts.yaml" in named and "embed_items.py" in named


@pytest.mark.parametrize(
    ("program", "not_needed"),
    [
        ("score_subset.py", ("models", "mining", "training", "reporting", "data")),
        ("mine_negatives.py", ("models", "training", "reporting", "evaluation", "data")),
        ("embed_items.py", ("mining", "training", "reporting", "evaluation", "data")),
        ("build_benchmark.py", ("models", "mining", "training", "reporting", "evaluation")),
        ("fetch_data.py", ("models", "mining", "training", "reporting", "evaluation")),
        ("check_data.py", ("mining", "training", "evaluation")),
    ],
)
def test_programs_depend_on_their_own_rooms_only(program, not_needed):
    rooms = {path.relative_to(SCRIPTS).parts[1] for path in sources(SCRIPTS / program)[1:]
             if len(path.relative_to(SCRIPTS).parts) > 2}  # fmt: skip
    assert not rooms & set(not_needed)


PROGRAMS = sorted(path.stem for path in SCRIPTS.glob("*.py"))
SLOW = ("torch", "transformers", "peft", "matplotlib", "scipy.stats", "umap", "snakemake")
IN_FORKS = """
import contextlib, importlib, io, json, os, sys
import numpy, pandas, pyarrow.parquet, yaml, jsonschema  # what all programs import, once

scripts, slow = sys.argv[1], sys.argv[2].split()
sys.path.insert(0, scripts)
for name in sys.argv[3:]:
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        module = importlib.import_module(name)
        sys.argv = [name, "--help"]
        try:
            module.main()
        except SystemExit as end:
            status = end.code
    found = [package for package in slow if package in sys.modules]
    print(json.dumps([name, bool(module.__doc__), status, len(told.getvalue()), found]), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def helped():
    """Program -> whether it says what it does, status and length of its help, what it imported."""
    call = [sys.executable, "-c", IN_FORKS, str(SCRIPTS), " ".join(SLOW), *PROGRAMS]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    return {name: found for name, *found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_there_and_needs_nothing_that_is_slow_to_import(program, helped):
    """torch takes seconds to import, matplotlib and scipy.stats a third of one each."""
    described, status, length, slow = helped[program]
    assert described and not status and length > 100
    assert slow == (["torch"] if program == "launch_processes" else [])  # its flags are torchrun's


@pytest.mark.parametrize(
    ("module", "not_needed"),
    [("gen2embed.evaluation.score_files", SLOW), ("gen2embed.reporting.results", SLOW)],
)
def test_scores_and_tables_are_made_without(module, not_needed):
    code = f"import sys, {module}; print([name for name in {not_needed} if name in sys.modules])"
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
