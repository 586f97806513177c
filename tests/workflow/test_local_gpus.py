"""``hardware: gpu`` on this machine itself: one line before any job, and only where it is due."""

import pytest

from workflow.conftest import copy_project

TINY = ("--configfile", "configs/ci.yaml", "tests/workflow/tiny_slurm.yaml")  # 1 GPU a job
PAPER = ("--configfile", "configs/paper_2b.yaml")  # 8 for a training
NEEDED = "gen2embed: hardware: gpu needs the number of GPUs: add --resources gpu=N"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A copy of the project in which nothing is ever made but a plan."""
    return copy_project(tmp_path_factory.mktemp("gpus"))


def said(output):
    assert "Traceback" not in output
    return output.strip().splitlines()[-1]


def made(project):
    return [path for path in project.folder.glob("results/*") if path.is_dir()]


@pytest.mark.parametrize(("overlay", "told"), [(TINY, ()), (PAPER, ("--resources", "mem_mb=4000"))])
def test_without_a_number_one_line_holds_the_command(project, overlay, told):
    output = project.snakemake(*told, *overlay, "--", "all", ok=False)
    assert said(output).startswith(NEEDED)
    assert f"{' '.join(overlay)} -- all" in said(output)
    assert output.count(NEEDED) == 1 and made(project) == []
    assert list((project.folder / ".snakemake/locks").glob("*")) == []


def test_a_training_of_eight_processes_on_two_gpus(project):
    output = project.snakemake("--resources", "gpu=2", *PAPER, ok=False)
    assert "train_adapter asks for 8 GPUs, and --resources gpu=2" in said(output)
    assert made(project) == []


@pytest.mark.parametrize("arguments", [PAPER, ("--profile", "profiles/slurm", *TINY)])
def test_a_dry_run_needs_none(bare, arguments):
    assert "needs the number" not in bare.snakemake("-n", *arguments)


def test_no_job_on_a_gpu_needs_none(bare):
    """The plan, whose own Snakemake is a dry run of everything."""
    output = bare.snakemake(*TINY, "--", "plan")
    assert "jobs of Snakemake" in output and "needs the number" not in output


def test_another_executor_is_the_schedulers_affair(project, tmp_path):
    """There is no sbatch here, which is what it fails at."""
    overlay = ("--profile", "profiles/slurm", "--retries", "0", *TINY)
    output = project.snakemake(*overlay, "--", "train", ok=False, PATH=str(tmp_path))
    assert "needs the number" not in output


@pytest.mark.parametrize(
    ("target", "ok"), [("generator", False), ("results/tiny/config.yaml", True)]
)
def test_an_old_driver_is_said_first(project, tmp_path, target, ok):
    """By stand-ins: a driver of 2021, a torch of which there is nothing but its CUDA version."""
    smi = tmp_path / "stand_in" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 470.57.02\n")
    smi.chmod(0o755)
    (smi.parent / "torch").mkdir()
    (smi.parent / "torch/__init__.py").touch()
    (smi.parent / "torch/version.py").write_text("cuda = '13.0'\n")
    variables = {"PATH": f"{smi.parent}:/usr/bin:/bin", "PYTHONPATH": str(smi.parent)}
    told = ("--resources", "gpu=1", *TINY, "--", target)
    output = project.snakemake(*told, ok=ok, **variables)
    assert output.count("NVIDIA's driver 470.57.02 is too old for this torch") == 1
    assert ok == bool(made(project))
