"""A real generator's answers, and its scores beside the mini's."""

import json

import pandas as pd
import pytest

import ask_generator
import plot_generators
import tabulate_knowledge
from gen2embed.evaluation.intervals import wilson
from gen2embed.models.backbones import load_backbone
from unit.text_models import save_text_model


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Dog.", True),
        ("A hound", True),
        ("It is a dog", True),
        ("dogs", False),
        ("", False),
        ("...", False),
    ],
)
def test_a_right_word_must_be_said(answer, right):
    assert ask_generator.is_right(answer, ["dog", "hound"]) == right


def test_a_tiny_model_answers_the_same_twice(tmp_path):
    model = save_text_model("llama", tmp_path / "model")
    questions = [{"task": "Kind", "text": "Find the kind: dog", "right": ["animal"]}] * 2
    (tmp_path / "q.json").write_text(json.dumps(questions))
    words = [f"--model={model}", f"--questions={tmp_path / 'q.json'}", "--threads=1", "--tokens=4"]
    assert ask_generator.main([*words, f"--out={tmp_path / 'a.json'}"]) == 0
    first, second = json.loads((tmp_path / "a.json").read_text())
    assert first == second and first["answer"] and first["is_right"] is False


def test_questions_without_answers_are_one_line(tmp_path, capsys):
    (tmp_path / "q.json").write_text('[{"text": "?"}]')
    words = ["--model=x", f"--questions={tmp_path / 'q.json'}", f"--out={tmp_path / 'a.json'}"]
    assert ask_generator.main(words) == 2
    assert "give a list of questions" in capsys.readouterr().err


def test_an_answer_does_not_depend_on_its_company(tmp_path):
    model = save_text_model("llama", tmp_path / "model")
    backbone = load_backbone(str(model), None, "fp32", "cpu")
    texts = ["Find the opposite: hot", "Find the word", "Find a part of the given thing: a bow"]
    together = ask_generator.answers(backbone, texts, 6, "cpu")
    assert together == [ask_generator.answers(backbone, [text], 6, "cpu")[0] for text in texts]
    assert len(set(together)) > 1


def test_shares_of_right_answers_by_hand(tmp_path):
    answers = [
        {"task": task, "text": f"{task}?", "right": ["x"], "answer": "x", "is_right": is_right}
        for task, is_right in (("Kind", True), ("Part", False), ("Kind", True), ("Part", True))
    ]
    (tmp_path / "a.json").write_text(json.dumps(answers))
    out = tmp_path / "tables"
    assert tabulate_knowledge.main([f"--answers={tmp_path / 'a.json'}", f"--out={out}"]) == 0
    found = pd.read_csv(out / "knowledge.csv").set_index("task")
    assert found["value"].to_dict() == {"Kind": 1.0, "Part": 0.5, "all": 0.75}
    assert found.loc["all", ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson(3, 4))


def write_scores(path, runs):
    rows = [
        (run, aggregate, 2, value, value - 0.1, value + 0.1, 0.05)
        for run, value in runs.items()
        for aggregate in ("ind", "all")
    ]
    columns = ["run", "aggregate", "datasets", "value", "ci_low", "ci_high", "chance"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return str(path)


def test_both_generators_are_drawn_with_the_prompts_they_share(tmp_path):
    files = [
        write_scores(tmp_path / "one.csv", {"plain": 0.2, "eol": 0.3}),
        write_scores(tmp_path / "two.csv", {"plain": 0.4, "other": 0.5}),
    ]
    words = ["--zero-shot", *files, "--names", "real", "mini", f"--out={tmp_path}"]
    assert plot_generators.main(words) == 0
    found = pd.read_csv(tmp_path / "both_generators.csv")
    assert found[["generator", "run", "value"]].to_numpy().tolist() == [
        ["real", "plain", 0.2],
        ["mini", "plain", 0.4],
    ]
    assert "real: `plain` 20.0 [10.0, 30.0]" in (tmp_path / "both_generators.md").read_text()
