"""SIGKILL at a random moment of embedding and training: the next run ends with the same bytes.

Two kills here, sixty in all in ``make test-all``; each is followed by a whole run of the program.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gen2embed.files import digest_file, write_parquet
from gen2embed.mining.clusters import ClusterTable, write_clusters

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
KILLS = [
    *range(2),  # one of each program
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60)),
]


def start(program, jobs):
    words = [sys.executable, str(SCRIPTS / program), "--job-list", str(jobs)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)


def whole(program, jobs):
    """Run it to its end; the seconds that it took."""
    begun = time.monotonic()
    started = start(program, jobs)
    said = started.communicate(timeout=300)[1]
    assert started.returncode == 0, said
    return time.monotonic() - begun


def results(folder):
    """Of everything that must not depend on when and how often a program ran."""
    return {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".run.json" not in path.name
    }


@pytest.fixture(scope="module")
def work(tiny, tmp_path_factory):
    """Two programs with jobs of a few seconds, their results when nobody disturbs them."""
    folder = tmp_path_factory.mktemp("kills")
    items = pd.DataFrame(
        {
            "item_id": range(80),
            "text": [f"<|image_1|>\nred? {n}" if n % 3 == 0 else f"tram {n}" for n in range(80)],
            "image_path": ["0.png" if n % 3 == 0 else "" for n in range(80)],
        }
    )
    write_parquet(folder / "items.parquet", items)
    pair_id = np.arange(80)
    pairs = pd.DataFrame({"pair_id": pair_id, "query_id": pair_id, "target_id": pair_id})
    write_parquet(folder / "pairs.parquet", pairs, {"subset": "Toy"})
    table = ClusterTable(
        anchor_pair=np.arange(0, 80, 4),
        phase=np.ones(20, dtype=np.int8),
        starts=np.arange(0, 61, 3),
        negative_pairs=np.array([n for n in range(80) if n % 4]),
        hardness=np.zeros(60),
        overlap=np.zeros(60),
    )
    write_clusters(folder / "clusters.parquet", table, {"strategy": "hns"})
    common = {"model": str(tiny.folder), "prompt": "hierarchical", "image_root": str(tiny.images)}

    def jobs_of(program, out, partial):
        items = str(folder / "items.parquet")
        if program == "embed_items.py":
            own = {"role": "query", "items": items, "threads": 1, "token_budget": 1,
                   "save_seconds": 0.05}  # fmt: skip
            jobs = [{**common, **own, "max_tokens": 200 + n, "out": str(out / f"{n}.npy")}
                    for n in range(3)]  # fmt: skip
        else:
            own = {
                "pairs": [str(folder / "pairs.parquet")], "query_items": items,
                "clusters": [str(folder / "clusters.parquet")], "target_items": items,
                "resolution": "native", "max_tokens": 256, "seed": 0, "steps": 30,
                "save_adapters_at": [7], "pairs_per_batch": 8, "chunk": 8, "temperature": 0.1,
                "rate": 0.01, "warm_up": 1, "rank": 2, "alpha": 16, "dropout": 0.1, "threads": 1,
                "save_every": 3, "out": str(out / "adapter"),
            }  # fmt: skip
            jobs = [{**common, **own}]
        out.mkdir(parents=True)
        path = out.with_suffix(".json")
        path.write_text(json.dumps([{**job, "partial": str(partial)} for job in jobs]))
        return path

    quiet, seconds = {}, {}
    for program in ("embed_items.py", "train_adapter.py"):
        out = folder / f"quiet_{program}"
        seconds[program] = whole(program, jobs_of(program, out, folder / f"partial_{program}"))
        quiet[program] = results(out)
    return jobs_of, quiet, seconds


@pytest.mark.parametrize("seed", KILLS)
def test_killed_at_any_moment(work, tmp_path, seed):
    jobs_of, quiet, seconds = work
    draw = random.Random(seed)
    program = ("embed_items.py", "train_adapter.py")[seed % 2]
    jobs = jobs_of(program, tmp_path / "out", tmp_path / "partial")
    for _ in range(draw.choice([1, 1, 2])):
        started = start(program, jobs)
        time.sleep(seconds[program] * draw.uniform(0.5, 1.05))
        started.kill()
        started.wait()
    whole(program, jobs)
    assert results(tmp_path / "out") == quiet[program]
    assert not list((tmp_path / "partial").glob("*"))
