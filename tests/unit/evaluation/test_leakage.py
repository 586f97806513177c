"""Leakage by hand: the same bytes, the same words, or both."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd

from gen2embed.evaluation.leakage import content_keys, shared, text_key
from gen2embed.files import write_csv, write_parquet

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "audit_leakage.py"
spec = importlib.util.spec_from_file_location("audit_leakage", SCRIPT)
audit_leakage = importlib.util.module_from_spec(spec)
sys.modules["audit_leakage"] = audit_leakage
spec.loader.exec_module(audit_leakage)


def test_words_without_mark_case_and_spacing():
    assert text_key("<|image_1|>\nA  Red\tflag ") == "a red flag"
    assert text_key("<|image_1|>\n") == ""


def test_shared_counts_different_keys_and_no_empty_ones():
    assert shared(["a", "a", "b", ""], {"a", "", "c"}) == (2, 1)
    assert shared([""], {""}) == (0, 0)


def test_images_count_by_bytes_not_by_name(tmp_path):
    for name, content in (("1.png", b"x"), ("2.png", b"x"), ("3.png", b"y")):
        (tmp_path / name).write_bytes(content)
    items = pd.DataFrame(
        {"text": ["q", "Q", "q", "q"], "image_path": ["1.png", "2.png", "3.png", ""]}
    )
    keys = content_keys(items, tmp_path)
    assert keys["images"].nunique() == 3 and keys["images"].iloc[3] == ""
    assert keys["items"].iloc[0] == keys["items"].iloc[1] != keys["items"].iloc[2]


def test_an_image_without_a_text_is_an_item_by_its_image(tmp_path):
    (tmp_path / "1.png").write_bytes(b"x")
    items = pd.DataFrame({"text": ["", "<|image_1|>", "a"], "image_path": ["1.png"] * 3})
    keys = content_keys(items, tmp_path)
    assert keys["texts"].tolist() == ["", "", "a"] and keys["images"].nunique() == 1
    assert keys["items"].iloc[0] == keys["items"].iloc[1] != keys["items"].iloc[2]


def test_the_table(tmp_path):
    """One query image of two is in training; the label "dog" is a training target."""
    for part, name, content in (
        ("train", "a.png", b"1"), ("eval", "b.png", b"1"), ("eval", "c.png", b"2"),
    ):  # fmt: skip
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / name).write_bytes(content)

    def items(name, texts, images):
        frame = pd.DataFrame({"item_id": range(len(texts)), "text": texts, "image_path": images})
        write_parquet(tmp_path / f"{name}.parquet", frame)

    items("train_query", ["<|image_1|> What?"], ["a.png"])
    items("train_target", ["dog"], [""])
    items("eval_query", ["<|image_1|> what?", "<|image_1|> what?"], ["b.png", "c.png"])
    items("eval_target", ["Dog", "cat"], ["", ""])
    rows = pd.DataFrame({"row_id": [0, 1], "query_id": [0, 1], "candidate_ids": [[0, 1], [1, 0]]})
    write_parquet(tmp_path / "Pets.parquet", rows)
    columns = ["part", "name", "meta_task", "split", "labelled", "target_role", "rows"]
    register = pd.DataFrame([("eval", "Pets", "vqa", "ood", "false", "target", 2)], columns=columns)
    write_csv(tmp_path / "datasets.csv", register)
    flags = {
        "register": "datasets.csv", "rows": "", "items": "", "train-images": "train",
        "eval-images": "eval", "out": "out",
    }  # fmt: skip
    words = [f"--{key}={tmp_path / value}" for key, value in flags.items()]
    assert audit_leakage.main(words) == 0
    table = pd.read_csv(tmp_path / "out" / "leakage.csv").set_index(["side", "kind"])
    found = table[["different", "shared"]].apply(tuple, axis=1).to_dict()
    assert found == {
        ("query", "images"): (2, 1), ("query", "texts"): (1, 1), ("query", "items"): (2, 1),
        ("target", "images"): (0, 0), ("target", "texts"): (2, 1), ("target", "items"): (2, 1),
    }  # fmt: skip
    shown = (tmp_path / "out" / "leakage.md").read_text()
    assert "1 of 2 images" in shown and "| 1 of 2" in shown and "dropped" not in shown
    write_parquet(tmp_path / "Pets.parquet", rows, {"dropped": "1"})
    assert audit_leakage.main(words) == 0
    shown = (tmp_path / "out" / "leakage.md").read_text()
    assert "labels and captions. 1 row dropped of the evaluation sets." in shown
