"""The audit by hand, and its known findings in the published scores."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

from gen2embed.evaluation.audit import AGREES, DISAGREES, MACRO, audit
from gen2embed.evaluation.published import mmeb_datasets, published_scores

ROOT = Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location(
    "audit_published", ROOT / "scripts/audit_published.py"
)
audit_published = importlib.util.module_from_spec(spec)
sys.modules["audit_published"] = audit_published
spec.loader.exec_module(audit_published)

REGISTER = pd.DataFrame(
    {
        "part": "eval",
        "name": ["A", "B", "C", "D", "E"],
        "meta_task": ["classification", "classification", "vqa", "retrieval", "grounding"],
        "split": ["ind", "ood", "ind", "ood", "ood"],
    }
)


def system(**printed):
    frame = pd.DataFrame({"name": list(printed), "score": list(printed.values())})
    return frame.assign(model="M", backbone="B", params="1B", setting="zero-shot")


def verdicts(**printed):
    found = audit(system(**printed), REGISTER)
    return {(row.aggregate, row.made_from): row.verdict for row in found.itertuples()}


def test_means_of_data_sets():
    found = audit(system(A=10.0, B=20.0, classification=15.1, vqa=3.0, C=3.2), REGISTER)
    rows = found.set_index("aggregate")
    assert rows.loc["classification", ["printed", "recomputed", "difference"]].tolist() == [
        15.1, 15.0, 0.1,
    ]  # fmt: skip
    assert rows.loc["classification", "verdict"] == AGREES  # 0.05 of its own, 0.05 of its parts
    assert rows.loc["vqa", "verdict"] == DISAGREES


def test_an_aggregate_without_all_its_data_sets_is_not_recomputed():
    assert verdicts(A=10.0, classification=99.0) == {}


def test_weighted_by_data_sets_and_the_macro_mean_told():
    """Meta-tasks 10 (2 sets), 20, 30, 40: weighted 22, macro 25. IND 2 sets, OOD 3."""
    tasks = {"classification": 10.0, "vqa": 20.0, "retrieval": 30.0, "grounding": 40.0}
    weighted = ("all", "4 meta-tasks, weighted")
    assert verdicts(**tasks, all=22.0) == {weighted: AGREES}
    assert verdicts(**tasks, all=25.0) == {weighted: MACRO}
    assert verdicts(**tasks, all=23.5) == {weighted: DISAGREES}
    splits = ("all", "IND and OOD, weighted")
    assert verdicts(ind=10.0, ood=20.0, all=16.0) == {splits: AGREES}
    assert verdicts(ind=10.0, ood=20.0, all=15.0) == {splits: DISAGREES}


def test_the_register_is_mmebs():
    register = mmeb_datasets()
    assert len(register) == 36 and register["name"].is_unique
    counts = register["meta_task"].value_counts().to_dict()
    assert counts == {"classification": 10, "vqa": 10, "retrieval": 12, "grounding": 4}
    assert register["split"].value_counts().to_dict() == {"ind": 20, "ood": 16}


def test_every_score_has_a_source_and_a_name():
    scores = published_scores()
    known = {*mmeb_datasets()["name"], "classification", "vqa", "retrieval", "grounding"}
    known |= {"ind", "ood", "all"}
    known |= {f"SugarCrepe-{name}" for name in ("Replace", "Swap", "Add")}
    assert set(scores["name"]) <= known
    assert (scores["source"] != "").all() and scores["score"].between(0, 100).all()
    assert not scores.duplicated(["model", "backbone", "params", "setting", "name"]).any()


@pytest.mark.parametrize(
    ("model", "aggregate", "printed", "verdict"),
    [
        ("SigLIP", "retrieval", 31.6, DISAGREES),
        ("UniIR", "grounding", 65.3, DISAGREES),
        ("VLM2Vec LoRA high-res", "all", 59.3, DISAGREES),
        ("UniME (stage 2)", "all", 66.6, MACRO),
        ("VLM2Vec-V1-Qwen2VL-2B", "all", None, AGREES),
    ],
)
def test_known_findings(model, aggregate, printed, verdict):
    found = audit(published_scores(), mmeb_datasets())
    rows = found[(found["model"] == model) & (found["aggregate"] == aggregate)]
    if printed is not None:
        rows = rows[rows["printed"] == printed]
    assert len(rows) and set(rows["verdict"]) == {verdict}


def test_the_docs_show_the_findings(tmp_path):
    assert audit_published.main(["--out", str(tmp_path)]) == 0
    table = (tmp_path / "published_audit.md").read_text(encoding="utf-8")
    assert table.strip() in (ROOT / "docs" / "published_scores.md").read_text(encoding="utf-8")
