"""Faults that a user's flags and files can have, drawn by a seed, and programs tried with them.

A base is a folder and the words of a call that works there. Each trial runs the program's own
``main`` in a fork of this process, in a copy of the folder made of hard links, under a limit of
time and memory: what it leaves in this process is gone with the fork.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hostile_files import DAMAGE, spoil

MEMORY = 12 << 30  # bytes of address space; libraries reserve much more than they use
REFUSED, SAME, OTHER = "refused", "same", "another result"
FAULTS = TRACEBACK, HANG, CRASH, LINES, LOST = (
    "traceback", "hang", "crash", "not one line", "a file of the user's is lost",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """Words of a program that end well in the folder ``base``; ``fails``: in one line."""

    program: str
    words: tuple[str, ...]
    base: Path
    seconds: float = 60
    fails: bool = False


@dataclass
class Trial:
    """One fault, and what came of it."""

    program: str
    fault: str
    outcome: str = ""
    said: str = ""
    seconds: float = 0.0


def parser_of(program: str) -> argparse.ArgumentParser:
    return importlib.import_module(program).build_parser()


# --- Flags ------------------------------------------------------------------------------------


INTEGERS = ("-1", "0", "-9223372036854775809", "1000000000000000000000", "1.5", "nan", "x", "", "²")
FLOATS = ("nan", "inf", "-inf", "-1", "0", "1e999", "x", "", "0x1")
TEXTS = (
    "",
    "x" * 300,
    "../../x",
    "/dev/zero",
    "/dev/null",
    "a/b",
    "-",
    "\udcff",
    ".",
    "é\n",
    "nan",
)
PLACES = (
    "", ".", "device", "/proc/x/out", "x" * 300, "file/out", "folder", "folder/out", "pipe",
    "\udcff",
)  # fmt: skip


def values_of(action: argparse.Action) -> Sequence[str]:
    found = getattr(action, "setting", None)
    kinds = found.types if found is not None else ()
    if action.type is int or "integer" in kinds:
        return INTEGERS
    if action.type is float or "number" in kinds:
        return FLOATS
    if hasattr(action, "output"):
        return PLACES
    return TEXTS


def split(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[list[str]]:
    """The words by flag; flags written ``--a=b`` come apart."""
    known = {option for action in parser._actions for option in action.option_strings}
    groups: list[list[str]] = []
    for word in words:
        name, is_pair, value = word.partition("=")
        if name in known:
            groups.append([name, value] if is_pair else [name])
        else:
            groups[-1].append(word)
    return groups


def joined(groups: Sequence[Sequence[str]]) -> list[str]:
    """One value behind an equals sign, so that it may begin with a dash."""
    words: list[str] = []
    for name, *values in groups:
        words += [f"{name}={values[0]}"] if len(values) == 1 else [name, *values]
    return words


def with_flag(
    parser: argparse.ArgumentParser, words: Sequence[str], draw: random.Random
) -> tuple[list[str], str]:
    """The words with one flag gone, set to something else, given twice, or made up."""
    groups = split(parser, words)
    actions = [one for one in parser._actions if one.option_strings and one.dest != "help"]
    action = draw.choice(actions)
    names = action.option_strings
    here = [group for group in groups if group[0] in names]
    kind = draw.choice(["value"] * 7 + ["gone", "bare", "unknown"])
    if kind == "gone" and here:
        return joined([group for group in groups if group[0] not in names]), f"{names[0]} gone"
    if kind == "bare":
        return [
            *joined([one for one in groups if one[0] not in names]),
            names[0],
        ], f"{names[0]} bare"
    if kind == "unknown":
        return [*words, "--no-such-flag=1"], "an unknown flag"
    if action.nargs == 0:
        return [*joined(groups), f"{names[0]}=x"], f"{names[0]}=x"
    value = draw.choice(values_of(action))
    if here and len(here[0]) > 2 and draw.random() < 0.5:
        changed = [*here[0]]
        changed[draw.randrange(1, len(changed))] = value
        if not value.startswith("-"):
            others = [group for group in groups if group is not here[0]]
            return joined([*others, changed]), f"{names[0]} holds {value[:40]!r}"
    others = [group for group in groups if group[0] not in names]
    return [*joined(others), f"{names[0]}={value}"], f"{names[0]}={value[:40]!r}"


# --- Files ------------------------------------------------------------------------------------


def inputs_of(call: Call) -> list[tuple[int, Path]]:
    """Position of the word and file, below the base, of everything that a call reads."""
    parser = parser_of(call.program)
    written = {
        name
        for action in parser._actions
        if hasattr(action, "output") or action.dest in ("partial", "job_list")
        for name in action.option_strings
    }
    found, position = [], 0
    for group in split(parser, call.words):
        for value in group[1:]:
            path = call.base / value
            if group[0] not in written and value and path.exists():
                inside = [path] if path.is_file() else sorted(p for p in path.rglob("*"))
                found += [(position, one) for one in inside if one.is_file()]
            position += 1
    return found


def with_file(call: Call, place: Path, draw: random.Random) -> str:
    """Spoil one input in the copy of the base; what was done to which."""
    files = inputs_of(call)
    by_word: dict[int, list[Path]] = {}
    for position, path in files:
        by_word.setdefault(position, []).append(path)
    path = draw.choice(by_word[draw.choice(sorted(by_word))])
    inside = place / path.relative_to(call.base)
    kind = draw.choice(DAMAGE)
    done = spoil(inside, kind, draw)
    return f"{path.relative_to(call.base)}: {done}"


# --- Trials -----------------------------------------------------------------------------------


def copy_of(base: Path, place: Path) -> Path:
    """The base by hard links; programs replace files and never write into one."""
    shutil.copytree(base, place, copy_function=os.link, symlinks=True)
    (place / "file").write_text("mine")
    (place / "folder").mkdir()
    (place / "folder" / "mine.txt").write_text("mine")
    os.mkfifo(place / "pipe")
    (place / "device").symlink_to("/dev/zero")
    return place


def run_in_fork(call: Call, words: Sequence[str], place: Path) -> tuple[int, str, float]:
    """Status (negative: a signal; None: out of time), standard error, seconds."""
    log = place.with_name(f"{place.name}.log")
    began = time.monotonic()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setsid()
            with log.open("wb") as file:
                os.dup2(file.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            os.dup2(1, 0)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
            sys.stderr = os.fdopen(
                2, "w", encoding="utf-8", errors="backslashreplace", closefd=False
            )
            os.chdir(place)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            status = importlib.import_module(call.program).main(list(words))
            sys.stdout.flush()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        except BaseException:
            traceback.print_exc()
            status = 1
        finally:
            sys.stderr.flush()
            os._exit(status or 0)
    until = began + call.seconds
    while True:
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
            break
        if time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            status = None
            break
        time.sleep(0.005)
    said = log.read_text(encoding="utf-8", errors="replace")
    log.unlink()
    return status, said, time.monotonic() - began


def judge(call: Call, status: int | None, said: str) -> str:
    if status is None:
        return HANG
    if "Traceback (most recent call last)" in said:
        return TRACEBACK
    if status < 0:
        return CRASH
    if status == 0:
        return OTHER
    lines = said.strip().splitlines()
    last = lines[-1] if lines else ""
    name = parser_of(call.program).prog
    is_one = (
        last.startswith(f"{name}: ") and sum(line.startswith(f"{name}: ") for line in lines) == 1
    )
    return REFUSED if status == 2 and is_one and "usage:" not in said else LINES


def attempt(call: Call, seed: int, folder: Path) -> Trial:
    """One trial, drawn by program and seed."""
    draw = random.Random(f"{call.program} {call.words} {seed}")
    place = copy_of(call.base, folder / f"{call.program}_{seed}")
    words = list(call.words)
    if draw.random() < 0.4 or not inputs_of(call):
        words, fault = with_flag(parser_of(call.program), words, draw)
    else:
        fault = with_file(call, place, draw)
    status, said, seconds = run_in_fork(call, words, place)
    trial = Trial(call.program, fault, judge(call, status, said), said[-1500:], seconds)
    if (place / "file").read_text() != "mine" or not (place / "folder" / "mine.txt").exists():
        trial.outcome = LOST
    shutil.rmtree(place)
    return trial


def works(call: Call, folder: Path) -> str:
    """What a call as it is says, where it does not end well; else ""."""
    place = copy_of(call.base, folder / f"{call.program}_works")
    status, said, _ = run_in_fork(call, call.words, place)
    shutil.rmtree(place)
    return "" if status == (2 if call.fails else 0) else f"{status}: {said[-800:]}"
