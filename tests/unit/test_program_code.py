"""Which files a program depends on: found from its imports, transitively."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("program", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_help_is_there_and_only_model_programs_need_torch(program):
    """torch takes seconds to import; mining, evaluation and reporting start without it."""
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {program}; "
        f"print('torch' in sys.modules, bool({program}.__doc__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needs_torch, described = done.stdout.split()
    assert described == "True"
    assert needs_torch == "False" or program == "train_generator"
