"""What a run was made of: configuration, software, sources, and time and memory of every job."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd

from gen2embed.errors import InputError
from gen2embed.files import check_numbers, package_versions, read_csv, read_json_object

PACKAGES = (
    "snakemake", "torch", "transformers", "peft", "tokenizers", "faiss-cpu", "faiss-gpu", "numpy",
    "pandas", "pyarrow", "pillow", "scipy", "matplotlib", "umap-learn",
)  # fmt: skip


def software() -> dict[str, str]:
    """Versions of Python and of the packages that are installed here."""
    return {"python": platform.python_version(), **package_versions(*PACKAGES)}


def machine() -> dict[str, Any]:
    """What ran here, without its name."""
    return {
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }


def revision(folder: str | Path) -> str:
    """Commit of the project and whether files differ from it; "unknown" outside of git."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (" with local changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def timed_jobs(results: str | Path) -> dict[str, tuple[Path, float, float | None]]:
    """Name of every job -> the file that tells its time, seconds, peak memory (MB, if known).

    Read from Snakemake's benchmarks and, for jobs that may come from its cache (which Snakemake
    does not benchmark), from the programs' own ``*.run.json``.
    """
    results = Path(results)
    jobs: dict[str, tuple[Path, float, float | None]] = {}
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        found = read_csv(path, ("s", "max_rss"), separator="\t").head(1)
        numbers = found[["s", "max_rss"]].apply(pd.to_numeric, errors="coerce")
        if numbers["s"].isna().all():
            raise InputError(f"{path}: tells no seconds; it is no benchmark of Snakemake's")
        name = path.relative_to(results / "benchmarks").with_suffix("").as_posix()
        jobs[name] = (path, *numbers.iloc[0].astype(float))
    for folder in ("generator", "clusters", "embeddings/base"):
        paths = [*results.glob(f"{folder}.run.json"), *(results / folder).rglob("*.run.json")]
        for path in sorted(paths):
            found = read_json_object(path)
            check_numbers(path, found, ["seconds"])
            name = path.relative_to(results).as_posix().removesuffix(".run.json")
            jobs[name] = (path, found["seconds"], found.get("peak_mb"))
    return jobs


def run_times(results: str | Path) -> pd.DataFrame:
    """Seconds and peak memory (MB) of every job: job, seconds, peak_mb; longest first."""
    rows = [(name, *numbers) for name, (_, *numbers) in timed_jobs(results).items()]
    frame = pd.DataFrame(rows, columns=["job", "seconds", "peak_mb"])
    return frame.sort_values(["seconds", "job"], ascending=[False, True], ignore_index=True)


def gather(results: str | Path, configuration: str, project: str | Path) -> dict[str, Any]:
    """Everything that the report says of where its numbers come from."""
    return {
        "revision": revision(project),
        "machine": machine(),
        "software": software(),
        "configuration": configuration,
        "run_times": run_times(results).to_dict(orient="records"),
    }
