"""Run times come from the files that jobs leave; publishing copies and indexes."""

import importlib.util
import json
import sys
from pathlib import Path

import pandas as pd

from gen2embed.reporting.pages.html import page, table
from gen2embed.reporting.pages.provenance import revision, run_times, software
from gen2embed.reporting.tables.rendering import write_table

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
spec = importlib.util.spec_from_file_location("publish_results", SCRIPTS / "publish_results.py")
publish_results = importlib.util.module_from_spec(spec)
sys.modules["publish_results"] = publish_results
spec.loader.exec_module(publish_results)


def test_run_times_of_benchmarks_and_of_cached_jobs(tmp_path):
    (tmp_path / "benchmarks" / "train").mkdir(parents=True)
    (tmp_path / "embeddings" / "base" / "plain").mkdir(parents=True)
    header = "s\th:m:s\tmax_rss\tmax_vms\n"
    (tmp_path / "benchmarks" / "data.tsv").write_text(header + "2.5\t0:00:02\t100.0\t1\n")
    (tmp_path / "benchmarks" / "train" / "a.tsv").write_text(header + "0.1\t0:00:00\t-\t-\n")
    record = {"seconds": 9.0, "peak_mb": 300, "host": "x"}
    (tmp_path / "generator.run.json").write_text(json.dumps(record))
    (tmp_path / "embeddings" / "base" / "plain" / "q.run.json").write_text(json.dumps(record))
    found = run_times(tmp_path)
    jobs = ["embeddings/base/plain/q", "generator", "data", "train/a"]
    assert found["job"].tolist() == jobs
    assert found["seconds"].tolist() == [9.0, 9.0, 2.5, 0.1]
    assert found["peak_mb"].tolist()[:3] == [300, 300, 100] and pd.isna(found["peak_mb"][3])


def test_software_and_revision(tmp_path):
    assert software()["numpy"] and software()["python"].startswith("3.")
    assert revision(tmp_path) == "unknown"


def test_pages_escape_what_they_show():
    html = page("a <b>", table(pd.DataFrame({"x": ["<script>"]}), "caption & more"))
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "caption &amp; more" in html and "http" not in html


def test_publishing_copies_every_rendering_and_the_captions(tmp_path, capsys):
    results, out = tmp_path / "results", tmp_path / "published"
    results.mkdir()
    for suffix in ("png", "pdf", "csv", "md"):
        (results / f"umap.{suffix}").write_text(f"the {suffix}")
    frame = pd.DataFrame({"run": ["a"], "value": [0.5]})
    write_table(results, "runs", frame, frame, "What was run.")
    (results / "p.run.json").write_text(json.dumps({"revision": "abc"}))
    flags = {
        "figures": results / "umap.png",
        "tables": results / "runs.md",
        "experiment": "mini",
        "provenance": results / "p.run.json",
        "out": out,
    }
    words = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    assert publish_results.main(words) == 0
    index = (out / "README.md").read_text()
    assert "![umap](umap.png)\n\nthe md" in index and "What was run." in index and "abc" in index
    copied = {path.name for path in out.iterdir()} - {"README.md"}
    assert copied == {f"umap.{s}" for s in ("png", "pdf", "csv", "md")} | {
        f"runs.{s}" for s in ("csv", "md", "tex")
    }
    (results / "umap.pdf").unlink()
    assert publish_results.main(words) == 2
    assert "umap.pdf: no such file" in capsys.readouterr().err
