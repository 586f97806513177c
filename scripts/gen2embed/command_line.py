"""What every command-line program shares: job lists, one-line errors, progress that suits a log."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TextIO, TypeVar

from tqdm import tqdm

from gen2embed.errors import InputError
from gen2embed.machine.state_lock import end_with_snakemake
from gen2embed.outputs import check_jobs, fault_of
from gen2embed.settings import check_settings
from gen2embed.text_files import parse_json, read_json

T = TypeVar("T")
MAY_BE_EMPTY = ("backbone",)
LOG_INTERVAL_SECONDS = 30.0
FLAG_LIKE = re.compile(r"-(?![\d.])\S+$")  # numbers below 0 and texts with blanks are none


def run_program(
    parser: argparse.ArgumentParser,
    work: Callable[[list[argparse.Namespace]], None],
    argv: list[str] | None = None,
) -> int:
    """Parse the flags (or ``--job-list``), do the work, and turn a user's mistake into one line.

    ``work`` receives every job at once, so that it can load a model a single time and check all
    inputs before the first long step. Returns the exit status: 0 done, 2 bad input. Any other
    exception is a defect of ours and keeps its traceback.
    """
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("gen2embed").setLevel(logging.INFO)  # ours alone; fontTools says a lot
    parser.add_argument(
        "--job-list",
        metavar="JOBS.json",
        help="a JSON list of objects with these flags as keys, done in one process; '-' reads it "
        "from standard input; flags given beside it hold for every job",
    )
    if argv is None:
        end_with_snakemake()
    argv = sys.argv[1:] if argv is None else argv
    parser.error = _refuse  # one line, without the usage
    try:
        jobs = _parse_jobs(parser, argv)
        check_given(parser, jobs)
        check_settings(parser, jobs)
        check_jobs(parser, jobs)
        work(jobs)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # libraries tell of the disk by exceptions of their own
        fault = fault_of(error)
        if fault is None:
            raise
        print(f"{parser.prog}: {InputError(fault)}", file=sys.stderr)
        return 2
    return 0


def check_given(parser: argparse.ArgumentParser, jobs: Iterable[argparse.Namespace]) -> None:
    """Raise InputError for a flag that must be given and is empty: of a path, the current folder.

    ``MAY_BE_EMPTY``: names of what is not known.
    """
    for action in parser._actions:
        if action.required and action.dest not in MAY_BE_EMPTY:
            for job in jobs:
                value = getattr(job, action.dest)
                if value == "" or value == [""]:
                    raise InputError(f"{action.option_strings[0]} is empty; give a value")


def _refuse(message: str) -> NoReturn:
    worded = re.sub(r"^argument (\S+): is ", r"\1 is ", message)  # of our own types
    raise InputError(f"{worded}; see --help")


def run_each(
    parser: argparse.ArgumentParser,
    do: Callable[[argparse.Namespace], None],
    argv: list[str] | None = None,
) -> int:
    """``run_program`` for jobs that share nothing: one after another."""

    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            do(job)

    return run_program(parser, work, argv)


def or_exit(check: Callable[..., T], *arguments: Any) -> T:
    """Call a check; a user's mistake ends the process with one line on stderr, status 2."""
    try:
        return check(*arguments)
    except InputError as error:
        print(f"gen2embed: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _parse_jobs(parser: argparse.ArgumentParser, argv: list[str]) -> list[argparse.Namespace]:
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.error = _refuse
    finder.add_argument("--job-list")
    found, common = finder.parse_known_args(argv)
    if found.job_list is None:
        jobs = [parser.parse_args(argv)]
    else:
        source = found.job_list
        listed = enumerate(_read_job_list(source))
        jobs = [parser.parse_args(common + _flags(parser, job, source, n)) for n, job in listed]
    if any(job.job_list is not None for job in jobs):  # shortened, or in a job of a list
        raise InputError("--job-list is written in full, once, and not in a job list")
    return jobs


def _read_job_list(source: str) -> list[dict[str, Any]]:
    if source == "-":
        try:
            jobs = parse_json(sys.stdin.read().removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{source}: the job list is not JSON ({error})") from None
    else:
        jobs = read_json(source)
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise InputError(f"{source}: a job list is a JSON list of objects, one per job")
    if not jobs:
        raise InputError(f"{source}: the job list is empty; give it at least one job")
    return jobs


def _flags(
    parser: argparse.ArgumentParser, job: dict[str, Any], source: str = "job list", number: int = 0
) -> list[str]:
    """A job as command-line words; true is a bare flag, null is left out.

    false is ``--no-<flag>`` where there is one, and otherwise left out (a switch that is off).
    Raises InputError for what is no value of a flag, such as an object or a null in a list, and for
    a word of a list that would be taken for a flag.
    """
    known = {option for action in parser._actions for option in action.option_strings}
    words: list[str] = []
    for key, value in job.items():
        name = key.replace("_", "-")
        wrong = [word for word in value if not is_word(word)] if isinstance(value, list) else []
        if wrong or isinstance(value, dict):
            raise InputError(
                f"{source}: job {number}: {key} holds {(wrong or [value])[0]!r:.40}; give texts "
                "or numbers, in a list none that begins with a dash"
            )
        if value is True:
            words.append(f"--{name}")
        elif isinstance(value, list):
            words += [f"--{name}", *map(str, value)]
        elif value is False:
            words += [f"--no-{name}"] if f"--no-{name}" in known else []
        elif value is not None:
            words.append(f"--{name}={value}")
    return words


def is_word(value: Any) -> bool:
    """Whether a value in a list becomes one word of a command line that is no flag."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return not FLAG_LIKE.match(str(value))


class _Lines:
    """A stream for tqdm in a log file: each refresh becomes a line of its own."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def write(self, text: str) -> None:
        text = text.replace("\r", "").rstrip()
        if text:
            self.stream.write(text + "\n")

    def flush(self) -> None:
        self.stream.flush()


def progress_bar(total: int, what: str, unit: str = "it", delay: float = 0) -> tqdm:
    """A tqdm bar on a terminal; in a log, one plain line every 30 s. "B" is shown as kB, MB.

    delay: seconds before anything is shown, for work that is mostly quick.
    """
    if sys.stderr.isatty():
        return tqdm(total=total, desc=what, unit=unit, unit_scale=unit == "B", delay=delay)
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=unit == "B",
        file=_Lines(sys.stderr),
        mininterval=LOG_INTERVAL_SECONDS,
        maxinterval=LOG_INTERVAL_SECONDS,
        ascii=True,
        ncols=100,
        delay=delay,
    )


def progress(items: Iterable[T], total: int, what: str, unit: str = "it") -> Iterator[T]:
    """Yield the items while a bar (or log lines) shows rate and time left."""
    with progress_bar(total, what, unit) as bar:
        for item in items:
            yield item
            bar.update()
