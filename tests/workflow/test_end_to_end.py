"""The small experiment from nothing to its figures, twice; what an edit re-runs; the cache."""

import json
import re
import zlib
from contextlib import suppress

import pandas as pd
import pytest

from browser import SCREENSHOTS, check_page
from gen2embed.files import digest_file
from workflow.conftest import ROOT, Project, copy_finished, copy_project

PAPER_ORDER = ("gallery", "saha_worked", "umap", "training_dynamics", "hardness_overlap")
CI = ("--configfile", "configs/ci.yaml")


def digest(project):
    return (project.folder / "results" / "ci" / "digest.tsv").read_text(encoding="utf-8")


MEASURED = (  # everything but what is drawn from it
    *("evaluate", "mine", "mine_grid", "measure_false_negatives", "trace_anchor"),
    *("score_compositions", "analyse_model"),
)
DRAWN = ("figures", "tables")  # made again, from the same results, by another test


def test_two_runs_from_nothing_agree_to_the_byte(finished, tmp_path):
    again = copy_project(tmp_path)
    again.snakemake(*CI, "--", *MEASURED)
    listed = dict(reversed(line.split("\t")) for line in digest(finished).splitlines())
    kinds = {name.split("/")[0] for name in listed}
    assert kinds >= {"data", "items", "generator", "embeddings", "clusters", "false_negatives"}
    assert kinds >= {"adapters", "scores", "tables", "figures", "analysis", "grid", "worked"}
    second = again.folder / "results" / "ci"
    measured = {name: sha for name, sha in listed.items() if name.split("/")[0] not in DRAWN}
    assert {name: digest_file(second / name) for name in measured} == measured


def test_every_score_keeps_the_contract(finished):
    results = finished.folder / "results" / "ci"
    scores = sorted(results.glob("scores/base/*/*.json"))
    scores = [path for path in scores if not path.name.endswith(".run.json")]
    register = pd.read_csv(results / "data" / "datasets.csv")
    assert len(scores) == 5 * (register["part"] == "eval").sum()
    for path in scores:
        score = json.loads(path.read_text(encoding="utf-8"))
        assert 0 <= score["ci_low"] <= score["value"] <= score["value_index0"] <= 1
        assert score["value"] <= score["ci_high"] <= 1
        assert score["manifest"]["query"]["prompt"] == path.parent.name


def test_the_compositions_of_every_run_are_scored(finished):
    """Of prompts and final adapters, not of checkpoints; with the vectors' own manifests."""
    results = finished.folder / "results" / "ci"
    for benchmark, scored in (("sugarcrepe", 7), ("sugarcrepe_pp/text_only", 5)):
        paths = sorted(results.glob(f"scores/*/*/{benchmark}/*.json"))
        paths = [path for path in paths if not path.name.endswith(".run.json")]
        assert len(paths) == (5 + 4) * scored
        for path in paths:
            score = json.loads(path.read_text(encoding="utf-8"))
            assert "_step" not in str(path) and score["n"] == 20
            assert 0 <= score["ci_low"] <= score["value"] <= score["value_index0"] <= 1
            assert score["manifest"]["query"]["prompt"] in path.parts
    table = pd.read_csv(results / "tables" / "sugarcrepe.csv")
    assert table.loc[table["source"] == "measured", "run"].nunique() == 9


def test_the_report_is_whole(finished):
    """Every figure and table is in it with its caption, each once, in the paper's order."""
    results = finished.folder / "results" / "ci"
    report = (results / "report.html").read_text(encoding="utf-8")
    shown = [path.stem for path in results.glob("figures/*.png")]
    shown += [path.stem for path in results.glob("tables/*.html")]
    shown += [path.stem for path in results.glob("benchmarks/*.html")]
    assert len(shown) == 11 + 26 + 1
    for name in shown:
        assert report.count(f'<article class="product" id="{name}">') == 1, name
    places = [report.index(f'id="{name}"') for name in PAPER_ORDER]
    assert places == sorted(places)
    for caption in results.glob("figures/*.md"):
        words = caption.read_text(encoding="utf-8").split("`")[0].split("'")[0][:60]
        assert words in report, caption
    assert "experiment: ci" in report  # the configuration
    assert "train_adapter/saha_seed0_hierarchical" in report  # a bar of the timeline
    assert "the prompt beats none: hierarchical - plain" in report
    provenance = (results / "provenance.html").read_text(encoding="utf-8")
    assert "experiment: ci" in provenance and "train_adapter/saha_seed0_hierarchical" in provenance


def test_the_report_in_a_browser(finished, browser):
    """At two widths: nothing overflows, links lead somewhere, no request leaves it, no error."""
    path = finished.folder / "results" / "ci" / "report.html"
    check_page(browser, path, SCREENSHOTS / "report")


def drawn_text(pdf):
    """Width of a PDF's page in inches, and the sizes of its texts in points."""
    data = pdf.read_bytes()
    box = re.search(rb"/MediaBox \[([^\]]+)\]", data)[1].split()
    sizes = set()
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S):
        with suppress(zlib.error):  # a font or an image
            sizes |= set(re.findall(rb"/F\S+ ([\d.]+) Tf", zlib.decompress(packed)))
    return float(box[2]) / 72, {float(size) for size in sizes}


def test_every_figure_is_a_vector_page_of_two_columns_with_text_of_7_points(finished):
    """As it is printed: no wider than a text block, no letter below 7 pt."""
    pdfs = sorted((finished.folder / "results" / "ci" / "figures").glob("*.pdf"))
    assert len(pdfs) == 11
    for pdf in pdfs:
        width, sizes = drawn_text(pdf)
        assert width <= 7.2, pdf.name
        assert sizes and min(sizes) >= 7, (pdf.name, sizes)


def test_figures_and_tables_alone_come_back(finished, tmp_path):
    """The same to the byte from existing scores; the tables without any torch."""
    project = copy_finished(finished, tmp_path, "figures", "tables")
    results = tmp_path / "results" / "ci"
    plan = project.planned(*CI, "--", "figures", "tables")
    assert set(plan) - {"figures", "tables"} == {
        *("tabulate_zero_shot", "tabulate_prompts", "tabulate_mining", "tabulate_runs"),
        *("tabulate_training", "tabulate_peers", "tabulate_cost", "plot_scores"),
        *("audit_leakage", "audit_published", "tabulate_compositions", "tabulate_generator"),
        "tabulate_ranks",
        *("plot_umap", "plot_mining", "draw_gallery", "plot_dynamics"),
        *("plot_analyses", "draw_saha", "plot_grid"),
    }
    broken = tmp_path / "broken"
    (broken / "torch").mkdir(parents=True)
    (broken / "torch" / "__init__.py").write_text("raise ImportError('not for tables')\n")
    project.snakemake(*CI, "--", "tables", PYTHONPATH=str(broken))
    project.snakemake(*CI, "--", "figures")
    for name in ("figures", "tables"):
        for path in sorted((finished.folder / "results" / "ci" / name).iterdir()):
            assert (results / name / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_grid_of_k_and_m(finished, tmp_path):
    """Its cell of the experiment's own k and m is the experiment's own mining."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("mine: {grid: {strategies: [saha], k: [2, 3], m: [3]}}\n")
    project = copy_finished(finished, tmp_path / "copy")
    project.snakemake(*CI, str(overlay), "--", "grid")
    results = project.folder / "results" / "ci"
    table = pd.read_csv(results / "tables" / "grid.csv")
    assert table[["k", "m"]].to_numpy().tolist() == [[2, 3], [3, 3]]
    own = pd.read_csv(results / "tables" / "mining.csv").set_index("strategy").loc["saha"]
    for column in ("clusters", "negatives", "hardness", "overlap", "overall"):
        assert table[column].iloc[1] == own[column], column
    clusters = "clusters/saha/I2T.parquet"
    grid = (results / "grid" / "clusters" / "k3_m3" / "saha" / "I2T.parquet").read_bytes()
    assert grid == (results / clusters).read_bytes()


def test_publishing_writes_paper_figures_and_nothing_else_does(finished):
    published = finished.folder / "paper_figures"
    committed = ROOT / "paper_figures"
    before = {path.name: path.read_bytes() for path in committed.glob("*.*")}
    assert {path.name: path.read_bytes() for path in published.glob("*.*")} == before
    finished.snakemake(*CI, "--", "publish")
    index = (published / "README.md").read_text(encoding="utf-8")
    assert "experiment `ci`" in index
    for name in re.findall(r"\]\((\S+\.png)\)", index):
        assert (published / name).is_file()
    assert finished.planned(*CI, "--", "all", "digest") == {"digest": 1}


def test_nothing_is_left_to_do_after_a_run(finished):
    assert finished.planned(*CI, "--", "all", "digest") == {"digest": 1}


NEW_PROMPT = """
edited:
  meaning: a prompt that no run asks for
  system: null
  query: *eol
  target: *eol
"""


def test_an_edit_re_runs_exactly_what_depends_on_it(finished):
    """Edits are undone by content, so that the shared project stays finished. Remarks are none."""
    report = {"write_provenance": 1, "write_report": 1, "all": 1}
    scored = {
        **{"tabulate_runs": 1, "plot_dynamics": 1, "plot_scores": 1, "tabulate_training": 1},
        **{"tabulate_peers": 1, "tabulate_cost": 1, "write_leaderboard": 1, "plot_umap": 1},
        **report,
    }
    zero_shot = {"score_subset": 1, "tabulate_zero_shot": 1, "tabulate_prompts": 1}
    composed = {"score_compositions": 1, "tabulate_compositions": 1}
    embedding = {"embed_items": 5, "embed_training": 1}
    trained = {"train_adapter": 4, "embed_adapted": 4, "score_adapted": 1, **scored, **composed}
    mined = {
        **{"mine_negatives": 1, "measure_false_negatives": 1, "tabulate_mining": 1},
        **{"plot_mining": 1, "draw_gallery": 1, "mine_grid": 1},
        **{"trace_anchor": 1, "draw_saha": 1, "plot_grid": 1},
        **trained,
    }
    analysed = {"analyse_model": 1, "plot_analyses": 1}
    embedded = {**embedding, "plot_umap": 1, **zero_shot, **mined, **analysed}
    cases = {
        "reporting/figures/layers.py": {"plot_analyses": 1, **report},
        "reporting/figures/gallery.py": {"draw_gallery": 1, **report},
        "reporting/figures/space_map.py": {"plot_umap": 1, **report},
        "reporting/figures/worked.py": {"draw_saha": 1, **report},
        "evaluation/precision.py": {"score_adapted": 1, **zero_shot, **scored, **analysed},
        "evaluation/compositionality.py": {**composed, **report},
        "reporting/tables/compositions.py": {"tabulate_compositions": 1, **report},
        "training/loss.py": trained,
        "mining/saha.py": mined,
        "prompts/prompts.yaml": embedded,
        "mini/generator/muon.py": {"train_generator": 1, "tabulate_generator": 1, **embedded},
    }
    library = finished.folder / "scripts" / "gen2embed"
    texts = {library / name: (library / name).read_text(encoding="utf-8") for name in cases}
    try:
        for path in texts:
            path.touch()
        assert finished.planned(*CI) == {}, "touching files re-runs something"
        for path, text in texts.items():
            if path.suffix == ".py":
                path.write_text(text + "# a remark\n", encoding="utf-8")
        assert finished.planned(*CI) == {}, "a remark re-runs something"
        for name, expected in cases.items():
            path = library / name
            edited = "EDITED: 1\n" if path.suffix == ".py" else NEW_PROMPT
            path.write_text(texts[path] + edited, encoding="utf-8")
            assert finished.planned(*CI) == expected, name
            path.write_text(texts[path], encoding="utf-8")
    finally:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")


def test_the_published_stand_beside_ours_and_the_small_run_lends_nothing(finished):
    """Ours is "not run" in every comparison with MMEB; every published number carries its mark."""
    tables = finished.folder / "results" / "ci" / "tables"
    for name in ("peers_zero_shot", "peers_fine_tuned", "peers_datasets"):
        frame = pd.read_csv(tables / f"{name}.csv")
        ours = frame[frame["origin"] != "published"]
        assert len(ours) and ours["value"].isna().all(), name
        text = (tables / f"{name}.md").read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("|")][2:]
        for number in re.findall(
            r"\b\d+\.\d\b\S*", "\n".join(row.split("|", 5)[-1] for row in rows)
        ):
            assert number.endswith(("†", "‡")), (name, number)
    shown = (tables / "runs.md").read_text(encoding="utf-8")
    assert "67.1†" in shown and "not run" in shown and "measured here" in shown


def test_leaderboard_files_of_all_models(finished):
    files = sorted((finished.folder / "results" / "ci" / "leaderboard").rglob("*.json"))
    assert len(files) == 5 + 4
    for path in files:
        found = json.loads(path.read_text(encoding="utf-8"))
        assert len(found["metrics"]["image"]) == 18
        assert found["metadata"]["data"] == {"split": "test", "row_cap": None}
        assert found["metadata"]["prompt"] == path.stem


def test_a_changed_key_re_runs_only_its_stage(finished, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("embed: {prompts: [plain, hierarchical]}\n")
    fewer = finished.planned(*CI, str(overlay))
    assert "embed_items" not in fewer and fewer["tabulate_zero_shot"] == 1
    overlay.write_text("embed: {max_tokens: 512}\n")
    shorter = finished.planned(*CI, str(overlay))
    assert (shorter["embed_items"], shorter["embed_training"]) == (5, 1)
    assert "train_generator" not in shorter
    assert "train_adapter" in shorter  # mining reads other vectors
    overlay.write_text("train: {rate: 0.1}\n")
    other_rate = finished.planned(*CI, str(overlay))
    assert other_rate["train_adapter"] == 4 and "mine_negatives" not in other_rate
    overlay.write_text("mine: {k: 2}\n")
    other_k = finished.planned(*CI, str(overlay))
    assert other_k["mine_negatives"] == 1 and "embed_items" not in other_k


def test_shards_are_jobs_of_their_own_and_join(finished, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("embed: {shards: 3}\n")
    planned = finished.planned(*CI, str(overlay), "--", "embed")
    assert (planned["embed_items"], planned["merge_embeddings"]) == (15, 10)


@pytest.mark.slow
def test_shards_make_the_same_vectors(finished, tmp_path):
    """In windows of 50 rows, in one job or in two."""
    made = []
    for shards in (1, 2):
        overlay = tmp_path / f"{shards}.yaml"
        overlay.write_text(f"embed: {{shards: {shards}, window: 50}}\n")
        project = copy_finished(finished, tmp_path / str(shards), "embeddings")
        place = "results/ci/embeddings/base/plain"
        project.snakemake(*CI, str(overlay), "--", f"{place}/eval_query.npy")
        names = ("eval_query.npy", "eval_query.json", "eval_target.npy", "eval_target.json")
        made.append([(project.folder / place / name).read_bytes() for name in names])
    assert made[0] == made[1]


def test_the_cache_serves_another_folder(finished, tmp_path):
    """Generator and vectors come from the cache: linked, not made again."""
    other = Project(copy_project(tmp_path).folder, finished.cache)
    other.snakemake("--cache", *CI, "--", "embed", "mine")
    results = tmp_path / "results" / "ci"
    theirs = finished.folder / "results" / "ci"
    ours = sorted((theirs / "embeddings" / "base").rglob("*.npy"))
    ours += sorted((theirs / "clusters").rglob("*.parquet"))
    ours.append(theirs / "generator" / "model.safetensors")
    assert len(ours) > 20
    for path in ours:
        served = results / path.relative_to(theirs)
        assert served.is_symlink() and finished.cache in served.resolve().parents, served
        assert served.read_bytes() == path.read_bytes()


def test_a_failure_leaves_its_traceback_in_the_log_and_resumes(finished, tmp_path):
    """A broken image ends in one line in the job's log; mended, the run goes on from there."""
    broken = copy_finished(finished, tmp_path, "embeddings/base/plain")
    photo = min((tmp_path / "results/ci/data/eval/images/photos").iterdir())
    whole = photo.read_bytes()
    photo.write_bytes(b"not an image")
    target = ("--rerun-triggers", "params", "--", "results/ci/embeddings/base/plain/eval_query.npy")
    output = broken.snakemake(*CI, *target, ok=False)
    log = (tmp_path / "results/ci/logs/embed_items/base_plain.log").read_text()
    assert "not a readable image" in log and photo.name in log and "Traceback" not in log
    assert "not a readable image" in output  # shown to the user, too
    assert not (tmp_path / "results/ci/embeddings/base/plain/eval_query.npy").exists()
    photo.write_bytes(whole)
    broken.snakemake(*CI, *target)
