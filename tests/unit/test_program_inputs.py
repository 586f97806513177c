"""Programs without a model, one flag or one file spoilt at a time: a few of the trials that
tests/workflow/test_program_inputs.py draws by hundreds."""

import json

import pandas as pd
import pytest

from gen2embed.files import read_parquet, write_csv, write_parquet
from hostile import FAULTS, OTHER, REFUSED, Call, attempt, run_in_fork, works
from unit.test_origin import EXPORTED, MEASURED, MINED, SCORED, chain

TRIALS = 5
SIDES = ("query", "target")


def words(flags):
    made = []
    for name, value in flags.items():
        several = value if isinstance(value, list) else [value]
        made += [f"--{name}", *map(str, several)]
    return tuple(made)


def calls_in(folder):
    """Words by program; those whose outputs others read come first."""
    sides = {f"{side}-items": f"items/train_{side}.parquet" for side in SIDES}
    sides |= {f"{side}-embeddings": f"vectors/train_{side}.npy" for side in SIDES}
    known = {"pairs": MINED["pairs"], "equivalences": MEASURED["equivalences"]}
    tuples = {"format": "sentence-transformers", "out": "st.parquet"}
    flags = {
        "prepare_items": {"data": "data", "out": "again"},
        "mine_negatives": {**MINED, "out": "mined.parquet"},
        "score_subset": SCORED,
        "measure_false_negatives": MEASURED,
        "export_negatives": {**EXPORTED, **tuples},
        "check_negatives": {"triplets": "st.parquet", "out": "checked.json"},
        "freeze_benchmark": {**known, **sides, "clusters": [MINED["out"]], "out": "frozen"},
        "score_miner": {"benchmark": "frozen", "triplets": ["st.parquet", "own.csv"],
                        "out": "miner.json"},
        "import_pairs": {"table": "table.csv", "corpus": "corpus.csv", "out": "imported"},
        "compare_scores": {"first": "first.json", "second": "second.csv", "out": "compared.csv"},
        "archive_results": {"results": "clusters", "out": "archive.zip"},
        "digest_results": {"results": "clusters", "out": "digest.tsv"},
    }  # fmt: skip
    return {name: Call(name, words(of), folder, seconds=30) for name, of in flags.items()}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs") / "base"
    chain(folder, "red")
    pairs = [(f"q{n}", f"p{n}") for n in range(12)]
    write_csv(folder / "table.csv", pd.DataFrame(pairs, columns=["query", "positive"]))
    write_csv(folder / "corpus.csv", pd.DataFrame({"positive": ["p0", "c1"]}))
    write_csv(folder / "own.csv", pd.DataFrame({"query_id": [0], "negative_id": [2]}))
    shares = {"metrics": {"image": {"GQA": {"hit@1": 0.5}, "VizWiz": {"hit@1": 0.4}}}}
    (folder / "first.json").write_text(json.dumps(shares))
    (folder / "second.csv").write_text("dataset,score\nGQA,40\nVizWiz,55.5\n")
    found = calls_in(folder)
    for name in ("export_negatives", "freeze_benchmark"):
        status, said, _ = run_in_fork(found[name], found[name].words, folder)
        assert status == 0, said
    return found


@pytest.mark.parametrize("program", calls_in(None))
def test_one_thing_wrong(calls, tmp_path, program):
    assert not works(calls[program], tmp_path)
    for seed in range(TRIALS):
        trial = attempt(calls[program], seed, tmp_path)
        assert trial.outcome not in FAULTS, trial


def test_a_fault_is_noticed(calls, tmp_path, monkeypatch):
    """A program that lets an exception through, hangs, or says several lines would fail here."""
    import score_subset

    call = Call("score_subset", calls["score_subset"].words, calls["score_subset"].base, seconds=1)
    outcomes = {}
    for name, work in {
        "traceback": "raise KeyError('x')",
        "hang": "import time; time.sleep(9)",
        "crash": "import os; os.kill(os.getpid(), 9)",
        "not one line": "import sys; print(2 * 'score_subset: b\\n', file=sys.stderr)",
        REFUSED: "import sys; print('score_subset: b', file=sys.stderr)",
        OTHER: "return 0",
    }.items():
        made = {}
        exec(f"def main(argv):\n    {work}\n    return 2", made)  # noqa: S102  (texts of this test)
        monkeypatch.setattr(score_subset, "main", made["main"])
        outcomes[name] = attempt(call, 0, tmp_path).outcome
    assert outcomes == {name: name for name in outcomes}


# --- What the trials found, by hand ---


def said_by(call, folder, capsys_words):
    status, said, _ = run_in_fork(call, capsys_words, folder)
    assert status == 2 and said.count("\n") == 1, said
    return said


def test_vectors_of_other_items_are_not_frozen(calls, tmp_path):
    call = calls["freeze_benchmark"]
    other = [word.replace("vectors/train", "vectors/eval") for word in call.words]
    other[-1] = str(tmp_path / "frozen")
    assert "items" in said_by(call, call.base, other)
    assert not (tmp_path / "frozen").exists()


@pytest.mark.parametrize("name", ["pairs", "equivalences", "mined"])
def test_ids_of_a_frozen_benchmark_that_name_no_item(calls, tmp_path, name):
    import shutil

    call = calls["score_miner"]
    shutil.copytree(call.base / "frozen", tmp_path / "frozen")
    path = tmp_path / f"frozen/{name}.parquet"
    frame, _ = read_parquet(path, list(pd.read_parquet(path).columns))
    frame.loc[0, frame.columns[-1]] = 999
    write_parquet(path, frame)
    changed = ["--benchmark", str(tmp_path / "frozen"), *call.words[2:-1], str(tmp_path / "m.json")]
    assert f"{name}.parquet: row 0" in said_by(call, call.base, changed)


def test_words_that_pandas_takes_for_nothing_are_words(tmp_path):
    from gen2embed.mining.foreign import Names, negatives_of
    from score_miner import read_triplets

    names = ["null", "NA", "1984", "nan"]
    (tmp_path / "a.csv").write_text("anchor,negative_1,negative_2\nnull,NA,\nnan,1984,2\n")
    found = negatives_of(
        read_triplets(tmp_path / "a.csv"),
        Names(names, names, "query"),
        Names(names, names, "target"),
    )
    assert [ids.tolist() for ids in found] == [[0, 3, 3], [1, 2, 2]]
