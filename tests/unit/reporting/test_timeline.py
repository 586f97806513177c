"""The timeline of a run, by hand: ends from file times, slots, what ran alone."""

import importlib.util
import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.reporting.figures.timeline import alone, jobs_of, last_call, with_slots

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "plot_timeline.py"
spec = importlib.util.spec_from_file_location("plot_timeline", SCRIPT)
plot_timeline = importlib.util.module_from_spec(spec)
sys.modules["plot_timeline"] = plot_timeline
spec.loader.exec_module(plot_timeline)


def benchmark(root, name, start, seconds):
    path = root / "benchmarks" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t10.0\n")
    os.utime(path, (start + seconds, start + seconds))


@pytest.fixture
def run(tmp_path):
    # embed/a 0..60, embed/b 10..40, then train 60..100 alone; an old job two hours before
    benchmark(tmp_path, "build", 1_000_000 - 7200, 5)
    benchmark(tmp_path, "embed/a", 1_000_000, 60)
    benchmark(tmp_path, "embed/b", 1_000_010, 30)
    benchmark(tmp_path, "train", 1_000_060, 40)
    return tmp_path


def test_by_hand(run):
    jobs = with_slots(last_call(jobs_of(run)))
    assert jobs["job"].tolist() == ["embed/a", "embed/b", "train"]  # the old job is another call's
    assert jobs["start"].tolist() == [0, 10, 60]
    assert jobs["slot"].tolist() == [0, 1, 0]
    assert alone(jobs).to_dict() == {"train": 40, "embed": 30}  # embed: 0..10 and 40..60


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 50)), min_size=1, max_size=30))
def test_no_two_jobs_of_a_slot_overlap(drawn):
    jobs = pd.DataFrame(sorted(drawn), columns=["start", "seconds"]).assign(kind="a", job="a")
    jobs = with_slots(jobs, tolerance=0)
    for _, of_slot in jobs.groupby("slot"):
        ends = (of_slot["start"] + of_slot["seconds"]).to_numpy()[:-1]
        assert (of_slot["start"].to_numpy()[1:] >= ends).all()
    assert alone(jobs).sum() <= jobs["seconds"].sum() + 1e-6


def test_the_figure_draws_every_job(run):
    out = run / "drawn"
    assert plot_timeline.main(["--results", str(run), "--out", str(out)]) == 0
    assert len(pd.read_csv(out / "timeline.csv")) == 3
    assert "3 jobs in 1.7 minutes" in (out / "timeline.md").read_text()
    jobs = with_slots(last_call(jobs_of(run)))
    bars = plot_timeline.draw(jobs).axes[0].patches
    assert sorted((bar.get_x() * 60, bar.get_width() * 60) for bar in bars) == [
        pytest.approx((0, 60)), pytest.approx((10, 30)), pytest.approx((60, 40)),
    ]  # fmt: skip


def test_no_benchmarks(tmp_path):
    with pytest.raises(InputError, match="holds no benchmarks"):
        jobs_of(tmp_path)
    benchmark(tmp_path, "a", 1_000_000, 5)
    (tmp_path / "benchmarks" / "a.tsv").write_text("s\tmax_rss\nx\t1\n")
    with pytest.raises(InputError, match="tells no seconds"):
        jobs_of(tmp_path)
