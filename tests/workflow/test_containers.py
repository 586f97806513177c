"""Both container recipes hold the same; what they run works on the files they copy.

No engine builds them here (docs/environments.md); hadolint reads the Dockerfile in `make lint`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.conftest import ROOT, copy_project

RUN = ROOT / "containers" / "run.sh"
SECTIONS = ("arguments", "files", "post", "environment", "runscript", "help")
COPY = "/srv/gen2embed"


def dockerfile():
    """Instructions in order: name and the rest, continued lines joined."""
    text = (ROOT / "containers" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(None, 1)) for line in lines if line and line[0] != "#"]


def definition():
    """Header and sections of the Apptainer definition: name -> lines."""
    text = (ROOT / "containers" / "gen2embed.def").read_text(encoding="utf-8")
    found = {"header": []}
    name = "header"
    for line in text.splitlines():
        if line.startswith("%"):
            name = line[1:].strip()
            assert name not in found
            found[name] = []
        elif line.strip() and not line.startswith("#"):
            found[name].append(line.strip())
    return found


def copied():
    """What the Docker image gets of the project, but for locks: the exceptions of .dockerignore."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines and "**/__pycache__" in lines
    return {line[1:] for line in lines if line[0] == "!" and "requirements" not in line}


def installed(commands):
    """Commands of pip, and Debian's packages."""
    text = "\n".join(commands)
    packages = re.findall(r"apt-get install ([^&|;\n]+)", text)
    return re.findall(r"pip install [^&|;\n]+", text), sorted(" ".join(packages).split())


def test_the_definition_has_the_sections_that_apptainer_knows():
    found = definition()
    assert list(found) == ["header", *SECTIONS]
    assert all(found[name] for name in SECTIONS)
    assert found["header"][0] == "Bootstrap: docker"
    used = set(re.findall(r"{{ (\w+) }}", " ".join(map(" ".join, found.values()))))
    assert used == {line.split("=")[0] for line in found["arguments"]}


def test_both_recipes_install_the_same():
    docker, apptainer = dockerfile(), definition()
    (base,) = (rest for name, rest in docker if name == "FROM")
    assert f"From: {base}" in apptainer["header"]
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base)  # the lock's, to the patch
    locks = [rest for name, rest in docker if name == "ARG" and rest.startswith("LOCK=")]
    assert locks == apptainer["arguments"] == ["LOCK=requirements.lock"]
    assert ("COPY", "${LOCK} /srv/lock.txt") in docker
    assert "{{ LOCK }} /srv/lock.txt" in apptainer["files"]
    made = installed(rest for name, rest in docker if name == "RUN")
    assert made == installed(apptainer["post"])
    assert [command.split()[-1] for command in made[0]] == ["/srv/lock.txt"]


def test_both_recipes_copy_the_same_files_and_run_the_same():
    docker, apptainer = dockerfile(), definition()
    files = dict(line.split() for line in apptainer["files"][1:])
    assert files == {name: f"{COPY}/{name}" for name in copied()}
    assert ("COPY", f". {COPY}") in docker
    assert (ROOT / "containers" / "run.sh").is_file() and "containers" in files
    (entry,) = (rest for name, rest in docker if name == "ENTRYPOINT")
    program = f"{COPY}/containers/run.sh"
    assert re.findall(r'"([^"]+)"', entry) == ["sh", program]
    assert apptainer["runscript"] == [f'exec sh {program} "$@"']


def test_docker_does_not_run_as_root():
    instructions = dockerfile()
    names = [name for name, _ in instructions]
    last = len(names) - 1 - names[::-1].index("USER")
    assert int(instructions[last][1]) > 0  # a number: a cluster knows no names of the image
    assert "RUN" not in names[last:] and "COPY" not in names[last:]


def run(folder, *arguments, **variables):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", RUN, *arguments],
        cwd=folder,
        env=environment | {"XDG_CACHE_HOME": str(folder.parent / "cache"), **variables},
        text=True,
        capture_output=True,
    )


def test_the_image_s_copy_is_enough_to_plan_and_run(tmp_path):
    """In an empty folder, from the files that the recipes copy and no others."""
    whole = copy_project(tmp_path / "project").folder
    image = tmp_path / "image"
    image.mkdir()
    for name in copied():
        place = whole / name
        (shutil.copytree if place.is_dir() else shutil.copy2)(place, image / name)
    folder = tmp_path / "work"
    folder.mkdir()
    done = run(folder, "--cores", "1", "-n", "--", "data", PROJECT_COPY=str(image))
    assert done.returncode == 0 and "prepare_items" in done.stdout, done.stderr
    assert {path.name for path in folder.iterdir()} - {".snakemake"} == copied()
    # the folder's own files count from now on
    done = run(folder, "--version", PROJECT_COPY=str(tmp_path / "nothing"))
    assert done.returncode == 0, done.stderr


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = run(tmp_path, "--cores", "1")
    assert done.returncode == 1 and "no Snakefile" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-gpu.lock"])
def test_every_lock_can_be_built_with(lock):
    assert (ROOT / lock).is_file()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert "!requirements*.lock" in ignored.splitlines()
