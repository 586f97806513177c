"""Two processes that would write one state; a job whose Snakemake is gone."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gen2embed.errors import InputError
from gen2embed.machine.state_lock import only_one, snakemake_above

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def python(code, *words, **more):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, **more,
    )  # fmt: skip


def wait_for(path, seconds=30):
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.02)


HOLD = """
    import sys, time
    from pathlib import Path
    from gen2embed.machine.state_lock import only_one
    with only_one(sys.argv[1]):
        Path(sys.argv[2]).touch()
        time.sleep(float(sys.argv[3]))
"""


def test_the_second_waits_and_nothing_stays(tmp_path):
    first = python(HOLD, tmp_path / "state", tmp_path / "held", 0.5)
    wait_for(tmp_path / "held")
    with only_one(tmp_path / "state", wait=30):
        assert first.wait(10) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held"]


def test_who_waits_in_vain_is_told_so(tmp_path):
    holder = python(HOLD, tmp_path / "state", tmp_path / "held", 60)
    try:
        wait_for(tmp_path / "held")
        with (
            pytest.raises(InputError, match="doing the same work"),
            only_one(tmp_path / "state", 0.2),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
    with only_one(tmp_path / "state", wait=0.2):  # a killed process holds nothing
        pass


JOB = """
    import sys, time
    from pathlib import Path
    from gen2embed.machine.state_lock import end_with_snakemake
    end_with_snakemake()
    Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
@pytest.mark.parametrize(("name", "ends"), [("snakemake", True), ("another", False)])
def test_a_job_ends_with_the_snakemake_that_started_it(tmp_path, name, ends):
    """Killed alone, as by hand: through the shell between them the job would live on."""
    job, pid = tmp_path / "job.py", tmp_path / "pid"
    job.write_text(textwrap.dedent(JOB))
    starter = tmp_path / name
    starter.write_text(
        "import subprocess, sys\n"
        f"subprocess.run(['sh', '-c', '{sys.executable} {job} {pid}; true'])\n"
    )
    above = subprocess.Popen(
        [sys.executable, str(starter)], env=os.environ | {"PYTHONPATH": str(SCRIPTS)}
    )
    wait_for(pid)
    time.sleep(0.2)
    process = int(pid.read_text())
    above.kill()
    above.wait()
    until = time.monotonic() + 5
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    alive = Path(f"/proc/{process}").exists()
    if alive:
        os.kill(process, signal.SIGKILL)
    assert alive != ends


def test_this_process_was_started_by_no_snakemake():
    assert snakemake_above(os.getpid()) is None
    assert snakemake_above(2**22 + 1) is None
