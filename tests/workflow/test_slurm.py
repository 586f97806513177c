"""Through a real SLURM on loopback: every stage, GPUs, failures, cancelled and killed work."""

import json
import re
import subprocess
import time

import pytest
import yaml

import loopback_slurm
from workflow.conftest import copy_finished, copy_project

TARGETS = (  # every stage; one table and figure each of training and before stands for all of them
    *("evaluate", "results/tiny/tables/zero_shot.md", "results/tiny/tables/runs.md"),
    "results/tiny/figures/umap.png",
)
TINY = ("--configfile", "configs/ci.yaml", "tests/workflow/tiny_slurm.yaml")
# this controller can be asked often, and the disk is not shared
QUICK = (
    *("--profile", "profiles/slurm", "--latency-wait", "5"),
    *("--seconds-between-status-checks", "2", "--slurm-init-seconds-before-status-checks", "3"),
)


@pytest.fixture(scope="module")
def cluster():
    """One node that says it has 4 cores and has two fake GPUs."""
    why = loopback_slurm.missing()
    if why:
        pytest.skip(f"no SLURM: {why}")
    yield loopback_slurm.up(cpus=4, kill_wait=10)
    loopback_slurm.down()


def known(job):
    """What the controller knows of a job."""
    told = subprocess.run(
        ["scontrol", "show", "job", "--oneliner", str(job)], text=True, capture_output=True
    )
    return dict(one.split("=", 1) for one in told.stdout.split() if "=" in one)


def submitted(output):
    """Rule, or rules of a group, of each submission -> SLURM job ids, in order."""
    ids = {}
    place = r"submitted with SLURM jobid (\d+) \(log: \S*slurm_logs/(?:rule|group)_(\w+)"
    for job, name in re.findall(place, output):
        ids.setdefault(name, []).append(int(job))
    return ids


def asked(job):
    """Memory (MB), run time (minutes) and GPUs of a job."""
    told = known(job)
    memory = told["MinMemoryNode"]
    hours, minutes, _ = map(int, told["TimeLimit"].split(":"))
    gpus = re.search(r"gpu:?(\d*)", told.get("TresPerJob", ""))
    scale = {"M": 1, "G": 1024}[memory[-1]]
    return {
        "mem_mb": int(float(memory[:-1]) * scale),
        "runtime": 60 * hours + minutes,
        "gpu": int(gpus[1]) if gpus else 0,
    }


def running_job(started, rule, seconds=300):
    """Id of a rule's job once it runs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and started.process.poll() is None:
        for job in submitted(started.output()).get(rule, []):
            if known(job).get("JobState") == "RUNNING":
                return job
        time.sleep(0.2)
    raise AssertionError(f"no job of {rule} ran within {seconds} s:\n{started.output()[-4000:]}")


class Started:
    """Snakemake in the background; what it says so far."""

    def __init__(self, project, *arguments):
        self.log = project.folder / "snakemake.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                **project.call(*arguments), stdout=log, stderr=subprocess.STDOUT
            )

    def output(self):
        return self.log.read_text(encoding="utf-8")

    def end(self):
        assert self.process.wait(timeout=600) == 0, self.output()[-4000:]
        return self.output()


def retraining(through_slurm, to, steps, resources=None, **train):
    """A copy of the finished project that has another training to do, and how to ask for it.

    resources: of training, at the first try.
    """
    project = copy_finished(through_slurm[0], to)
    overlay = {"train": {"steps": steps, **train}}
    if resources:
        overlay["resources"] = {"train": resources}
    (to / "again.yaml").write_text(yaml.safe_dump(overlay))
    return project, (*QUICK, *TINY, "again.yaml", "--", "train")


def resumed_from(project):
    record = project.folder / "results/tiny/adapters/saha_seed0/hierarchical.run.json"
    return json.loads(record.read_text(encoding="utf-8"))["resumed_from"]


def wait_for_a_state(project, started):
    """Until the training has saved a state to resume from."""
    states = project.folder / "results/tiny/partial/train_adapter"
    until = time.monotonic() + 180
    while not list(states.glob("*/checkpoint-*/sums.json")):
        assert time.monotonic() < until and started.process.poll() is None, started.output()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def through_slurm(cluster, tmp_path_factory):
    """A project whose tiny experiment has run through sbatch, and what Snakemake said.

    Its training was cancelled on the way, once, with a state saved.
    """
    assert cluster.is_dir()
    project = copy_project(tmp_path_factory.mktemp("slurm"))
    started = Started(project, *QUICK, *TINY, "--", *TARGETS)
    job = running_job(started, "train_adapter")
    wait_for_a_state(project, started)
    subprocess.run(["scancel", str(job)], check=True)
    return project, started.end()


def test_every_stage_runs_through_sbatch(through_slurm):
    project, output = through_slurm
    results = project.folder / "results" / "tiny"
    for name in ("tables/zero_shot.md", "tables/runs.md", "figures/umap.png", "leaderboard"):
        assert (results / name).exists(), name
    ids = submitted(output)
    assert ids.keys() >= {"build_benchmark", "train_generator", "prepare_items", "embed_items"}
    assert ids.keys() >= {"mine_negatives", "train_adapter", "embed_adapted", "score_adapted"}
    assert project.planned(*TINY, "--", *TARGETS) == {}


def test_small_jobs_share_a_submission(through_slurm):
    _, output = through_slurm
    ids = submitted(output)
    (reporting,) = [name for name in ids if name.startswith("reporting_")]
    (job,) = ids[reporting]
    assert (known(job)["NumNodes"], known(job)["NumCPUs"]) == ("1", "2")  # not one for each member
    assert asked(job)["mem_mb"] <= 3000
    assert sum(map(len, ids.values())) < 16


def test_gpus_memory_and_time_are_the_configurations(through_slurm):
    _, output = through_slurm
    ids = submitted(output)
    assert asked(ids["mine_negatives"][0]) == {"mem_mb": 2000, "runtime": 20, "gpu": 1}
    assert asked(ids["score_subset"][0])["gpu"] == 0


def test_a_fake_gpu_is_given_to_the_job_and_to_no_other(cluster, tmp_path):
    """Two jobs of one GPU each, side by side, see different ones; a job without sees none."""
    assert cluster.is_dir()
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: 'a', 'b', 'none'\n"
        "rule with_gpu:\n    output: '{name}'\n    wildcard_constraints: name='a|b'\n"
        "    resources: gpu=1, mem_mb=500, runtime=5\n"
        "    shell: 'sleep 2; echo $CUDA_VISIBLE_DEVICES > {output}'\n"
        "rule without:\n    output: 'none'\n    resources: mem_mb=500, runtime=5\n"
        "    shell: 'echo ${{CUDA_VISIBLE_DEVICES-none}} > {output}'\n"
    )
    project = copy_project(tmp_path / "project")
    project.snakemake(*QUICK, "--snakefile", str(tmp_path / "Snakefile"), "-d", str(tmp_path))
    seen = {(tmp_path / name).read_text().strip() for name in "ab"}
    assert seen == {"0", "1"}
    assert (tmp_path / "none").read_text().strip() in ("none", "NoDevFiles", "")


def test_a_failing_job_is_reported_with_its_log(through_slurm, tmp_path):
    project = copy_finished(through_slurm[0], tmp_path)
    (tmp_path / "results/tiny/pairs/I2T.parquet").write_bytes(b"not parquet")
    output = project.snakemake(*QUICK, *TINY, "--retries", "0", "--", "mine", ok=False)
    assert "mine_negatives: results/tiny/pairs/I2T.parquet" in output
    job = submitted(output)["mine_negatives"][0]
    assert re.search(rf"slurm_logs/rule_mine_negatives/{job}\.log", output)
    assert known(job)["JobState"] == "FAILED"


def test_a_cancelled_training_is_retried_with_more_and_goes_on(through_slurm):
    project, output = through_slurm
    first, second = submitted(output)["train_adapter"]
    assert known(first)["JobState"] == "CANCELLED"
    assert asked(first) == {"mem_mb": 4000, "runtime": 30, "gpu": 1}
    assert asked(second) == {"mem_mb": 8000, "runtime": 60, "gpu": 1}
    assert resumed_from(project).startswith("checkpoint-")


@pytest.mark.slow
@pytest.mark.xfail(strict=True, reason="executor 2.8.0: why the profile has no arrays")
def test_a_failing_task_of_an_array_leaves_the_others_alone(cluster, tmp_path):
    assert cluster.is_dir()
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: expand('{n}.txt', n=range(8))\n"
        "rule one:\n    output: '{n}.txt'\n    resources: mem_mb=500, runtime=5\n"
        "    shell: 'test {wildcards.n} != 7 && echo fine > {output}'\n"
    )
    project = copy_project(tmp_path / "project")
    flags = (*QUICK, "--snakefile", str(tmp_path / "Snakefile"), "-d", str(tmp_path))
    arrays = ("--slurm-array-jobs", "one", "--max-jobs-per-timespan", "100/1s")
    output = project.snakemake(*flags, *arrays, "--retries", "0", "--keep-going", ok=False)
    assert "Submitted array job" in output
    assert len(list(tmp_path.glob("*.txt"))) == 7


@pytest.mark.slow
def test_over_the_time_limit_a_training_goes_on_from_its_state(through_slurm, tmp_path):
    """A minute at first for a training that needs more; states are saved at SIGTERM alone."""
    project, arguments = retraining(
        through_slurm, tmp_path, 400, {"mem_mb": 4000, "runtime": 1}, save_every=1000
    )
    jobs = submitted(project.snakemake(*arguments))["train_adapter"]
    assert known(jobs[0])["JobState"] == "TIMEOUT"
    assert [asked(job)["runtime"] for job in jobs] == [1, 2, 3][: len(jobs)]
    assert resumed_from(project).startswith("checkpoint-")


@pytest.mark.slow
def test_out_of_memory_a_training_is_retried_with_more(through_slurm, tmp_path):
    project, arguments = retraining(through_slurm, tmp_path, 8, {"mem_mb": 500, "runtime": 10})
    jobs = submitted(project.snakemake(*arguments))["train_adapter"]
    assert len(jobs) > 1
    assert [asked(job)["mem_mb"] for job in jobs] == [500, 1000, 1500][: len(jobs)]
    assert known(jobs[-1])["JobState"] == "COMPLETED"


@pytest.mark.slow
def test_the_controller_may_go_down_and_come_back(through_slurm, tmp_path):
    project, arguments = retraining(through_slurm, tmp_path, steps=60)
    started = Started(project, *arguments)
    job = running_job(started, "train_adapter")
    loopback_slurm.restart_controller()
    assert submitted(started.end())["train_adapter"] == [job]
    assert known(job)["JobState"] == "COMPLETED"


@pytest.mark.slow
def test_after_snakemake_is_killed_its_work_goes_on(through_slurm, tmp_path):
    """As docs/cluster.md says: cancel its jobs by the run id, unlock, call it again."""
    project, arguments = retraining(through_slurm, tmp_path, steps=60)
    started = Started(project, *arguments)
    job = running_job(started, "train_adapter")
    wait_for_a_state(project, started)
    started.process.kill()
    started.process.wait()
    assert known(job)["JobState"] == "RUNNING"
    run_id = re.search(r"SLURM run ID: (\S+)", started.output())[1]
    subprocess.run(["scancel", "--name", run_id], check=True)
    while known(job)["JobState"] in ("RUNNING", "COMPLETING"):
        time.sleep(0.5)
    project.snakemake(*arguments[:-2], "--unlock")
    project.snakemake(*arguments)
    assert resumed_from(project).startswith("checkpoint-")


@pytest.mark.slow
def test_the_ci_experiment_is_the_same_to_the_byte_through_slurm(cluster, finished, tmp_path):
    assert cluster.is_dir()
    project = copy_project(tmp_path)
    project.snakemake(*QUICK, "--configfile", "configs/ci.yaml", "--", "all", "digest")
    with_slurm, without = (
        (one.folder / "results/ci/digest.tsv").read_text(encoding="utf-8")
        for one in (project, finished)
    )
    assert sorted(set(with_slurm.splitlines()) ^ set(without.splitlines())) == []


@pytest.mark.slow
def test_the_whole_mini_experiment_through_slurm(cluster, tmp_path):
    assert cluster.is_dir()
    project = copy_project(tmp_path)
    project.snakemake(*QUICK, "--", "all")
    assert project.planned("--", "all") == {}
    assert (tmp_path / "results/mini/report.html").is_file()
