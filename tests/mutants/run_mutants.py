"""Faults of one operator or number each, put into the science: the tests must notice (cosmic-ray).

    python tests/mutants/run_mutants.py [MODULE ...]

Works on a copy of the tree, ``.mutants/``, and goes on where it was stopped; a session counts
as long as its module and tests are the same. Ends with status 1 where less than ``LEAST`` is
killed; survivors are shown as they differ.
"""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".mutants"
LEAST = 0.95
# annotations (A | None) are never run; of a replaced operator, those that are likely slips
LEFT_OUT = (
    "core/ReplaceBinaryOperator_BitOr_.*",
    "core/ReplaceBinaryOperator_.*_(RShift|LShift|BitOr|BitAnd|BitXor|Pow|FloorDiv|Mod)",
    "core/RemoveDecorator",
    "core/ExceptionReplacer",
)
CONFIG = """[cosmic-ray]
module-path = "scripts/gen2embed/{module}.py"
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = {left_out}
"""
COUNTS = """SELECT lower(r.test_outcome), lower(r.worker_outcome), count(*) FROM work_results r
GROUP BY 1, 2"""
SURVIVORS = "SELECT diff FROM work_results WHERE lower(test_outcome) LIKE '%survived%'"


def copy_tree(to: Path) -> None:
    """What git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, text=True, capture_output=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def session_of(module: str, tests: str) -> Path:
    """Named by what is mutated and by the tests that look at it."""
    files = [f"scripts/gen2embed/{module}.py", *tests.split()]
    told = "".join(map(str, LEFT_OUT)).encode() + b"".join((ROOT / f).read_bytes() for f in files)
    return WORK / f"{module.replace('/', '_')}_{hashlib.sha256(told).hexdigest()[:12]}.sqlite"


def run(module: str, tests: str) -> tuple[int, int, list[str]]:
    """Mutants that ran, those that were killed, and the differences of the survivors."""
    session = session_of(module, tests)
    config = session.with_suffix(".toml")
    program = str(Path(sys.executable).with_name("cosmic-ray"))
    if not session.exists():
        shutil.rmtree(WORK / "tree", ignore_errors=True)
        copy_tree(WORK / "tree")
        python, left_out = sys.executable, str(list(LEFT_OUT))
        told = CONFIG.format(module=module, tests=tests, python=python, left_out=left_out)
        config.write_text(told, encoding="utf-8")
        subprocess.run([program, "init", config, session], cwd=WORK / "tree", check=True)
        chosen = str(Path(sys.executable).with_name("cr-filter-operators"))
        subprocess.run([chosen, session, config], cwd=WORK / "tree", check=True)
    shutil.copy2(
        ROOT / f"scripts/gen2embed/{module}.py", WORK / f"tree/scripts/gen2embed/{module}.py"
    )
    # tests that fail as it is would count every mutant as killed
    subprocess.run([program, "baseline", config], cwd=WORK / "tree", check=True)
    subprocess.run([program, "exec", config, session], cwd=WORK / "tree", check=True)
    with sqlite3.connect(session) as found:
        counts = found.execute(COUNTS).fetchall()
        survivors = [diff for (diff,) in found.execute(SURVIVORS)]
    ran = sum(n for _, worker, n in counts if "skipped" not in worker)
    return ran, ran - len(survivors), survivors


def main(wanted: list[str]) -> int:
    modules = tomllib.loads((Path(__file__).with_name("modules.toml")).read_text("utf-8"))
    WORK.mkdir(exist_ok=True)
    table, status = [], 0
    for module in wanted or modules:
        ran, killed, survivors = run(module, modules[module])
        print(*survivors, sep="\n\n")
        table.append(f"| `{module}` | {ran} | {killed} | {100 * killed / ran:.0f} % |")
        status |= killed < LEAST * ran
        print(
            "| module | mutants | killed | share |",
            "|---|---|---|---|",
            *table,
            sep="\n",
            flush=True,
        )
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
