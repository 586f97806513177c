"""The doctor of triplet files by hand: each layout, each fault, collisions counted one by one."""

import importlib.util
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.triplets.collisions import expected, free_of
from gen2embed.triplets.faults import Known, find_faults
from gen2embed.triplets.items import Item, Row, folded, near
from gen2embed.triplets.pools import describe_pool, harder_than_chance

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "check_negatives.py"
spec = importlib.util.spec_from_file_location("check_negatives", SCRIPT)
check_negatives = importlib.util.module_from_spec(spec)
sys.modules["check_negatives"] = check_negatives
spec.loader.exec_module(check_negatives)


def row(query, positive, *negatives):
    return Row(Item(query), (Item(positive),), tuple(map(Item, negatives)))


def kinds(rows, least=0.9):
    return [(one.row, one.negative, one.kind) for one in find_faults(rows, Known.of(rows), least)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A  Cat.", "a cat", True),
        ("ｃａｔ", "cat", True),
        ("C", "C++", False),
        ("5 degrees", "-5 degrees", False),
        ("well-known", "well known", True),
        ("?", "!", False),
    ],
)
def test_writing(one, other, same):
    assert (folded(one) == folded(other)) is same


def test_near_wants_the_same_numbers_and_images():
    text = "the report of the committee on the state of the harbour, part "
    assert near(Item(text + "1"), Item(text + "1 of it"), 0.9)
    assert not near(Item(text + "1"), Item(text + "2"), 0.9)
    assert not near(Item("a", ("1.png",)), Item("a", ("2.png",)), 0.9)
    # abcde and abcdf share abcd of {abcd, bcde, bcdf}
    assert near(Item("abcde"), Item("abcdf"), 1 / 3) and not near(
        Item("abcde"), Item("abcdf"), 0.34
    )


def test_every_fault_by_hand():
    long = "a long description of one and the same harbour at night in winter with snow and boats"
    rows = [
        row("q0", "p0", "p0", "P0!", "", "q0", "p9", "n", "n", "p1"),
        row("q0", "p1", "n"),  # p1 is q0's as well
        row("Q0.", "p9", "m"),  # q0 in other writing
        row("q3", long, long + " again"),
        row("q4", "", "x"),
        row("q1", "p1", "n"),
        row("q1", "p1", "n"),
        Row(Item("q5"), (Item("p5"),), ()),
    ]
    assert kinds(rows) == [
        (0, 0, "positive"), (0, 1, "rewritten"), (0, 2, "empty"), (0, 3, "query"),
        (0, 4, "of_like_query"), (0, 6, "repeated"), (0, 7, "positive"),
        (3, 0, "near_positive"), (4, -1, "no_positive"), (6, -1, "repeated_row"),
        (7, -1, "no_negatives"),
    ]  # fmt: skip


def test_scores_of_the_file():
    one = Row(Item("q"), (Item("p"),), (Item("a"), Item("b")), (0.5,), (0.6, 0.5))
    assert kinds([one]) == [(0, 0, "outscores")]


def test_images_make_another_item():
    one = Row(Item("q"), (Item("p", ("1.png",)),), (Item("p", ("2.png",)), Item("p", ("1.png",))))
    assert kinds([one]) == [(0, 1, "positive")]


def enumerated(rows, known, batch, with_negatives):
    """Every batch there is: mean number of colliding ordered pairs, share of queries hit."""
    pairs, hit, batches = 0, 0, 0
    for drawn in itertools.combinations(range(len(rows)), batch):
        batches += 1
        for i in drawn:
            mine = known.positives[rows[i].query]
            collide = [
                j
                for j in drawn
                if j != i
                and mine & {*rows[j].positives, *(rows[j].negatives if with_negatives else ())}
            ]
            pairs += len(collide)
            hit += bool(collide)
    return pairs / batches, hit / batches / batch


names = st.sampled_from("abcd")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(names, names, st.lists(names, max_size=2)), min_size=2, max_size=6),
    st.integers(2, 6),
)
def test_collisions_equal_every_batch_enumerated(drawn, batch):
    rows = [row("q" + query, positive, *negatives) for query, positive, negatives in drawn]
    known = Known.of(rows)
    told = expected(rows, known, batch)
    batch = min(batch, len(rows))
    assert told["batch"] == batch
    for name, with_negatives in (("by_positives", False), ("with_negatives", True)):
        pairs, share = enumerated(rows, known, batch, with_negatives)
        assert told[name]["pairs"] == pytest.approx(pairs, abs=1e-5)
        assert told[name]["share"] == pytest.approx(share, abs=1e-5)


def test_a_label_of_two_in_a_batch_of_two():
    """4 rows, 2 labels of 2 rows: 2 of the 6 batches collide, and then both queries."""
    rows = [row("a", "cat"), row("b", "cat"), row("c", "dog"), row("d", "dog")]
    told = expected(rows, Known.of(rows), 2)["by_positives"]
    assert told == {"pairs": round(2 / 6 * 2, 6), "share": round(2 / 6, 6)}
    assert free_of(100000, 256, 0) == pytest.approx(1)


def test_pools():
    rows = [row(f"q{i}", f"p{i}", "same", f"n{i % 2}") for i in range(40)]
    told = describe_pool(rows)
    assert told["different_negatives"] == 3 and told["small"] and told["overused"] == 3
    rows = [row(f"q{i}", f"p{i}", f"n{i}", f"m{i}") for i in range(40)]
    assert not describe_pool(rows)["small"] and not describe_pool(rows)["overused"]


def test_hardness_tells_mined_from_drawn_negatives():
    generator = np.random.default_rng(0)

    def text(topic):
        return " ".join(f"w{topic}_{number}" for number in generator.integers(6, size=5))

    topics = np.arange(120) % 6
    mined = [row(text(t), text(t), text(t)) for t in topics]
    drawn = [row(text(t), text(t), text(generator.integers(6))) for t in topics]
    assert harder_than_chance(mined, 0)["verdict"] == "harder than chance"
    assert harder_than_chance(drawn, 0)["verdict"] != "harder than chance"
    unlike = [row(f"a{i}", f"b{i}", f"c{i}") for i in range(50)]
    assert harder_than_chance(unlike, 0)["verdict"] == "no harder than chance, in words"


# The same two rows in each layout: the first one's second negative is its positive.
USER = "user"


def message(said):
    return [{"role": USER, "content": said}]


LAYOUTS = {
    "sentence-transformers": [
        {"anchor": "q0", "positive": "p0", "negative_1": "n0", "negative_2": "p0",
         "scores": [0.9, 0.5, 0.9]},
        {"anchor": "q1", "positive": "p1", "negative_1": "n1", "negative_2": "n2",
         "scores": [0.8, 0.4, 0.3]},
    ],
    "flagembedding": [
        {"query": "q0", "pos": ["p0"], "neg": ["n0", "p0"], "pos_scores": [0.9],
         "neg_scores": [0.5, 0.9], "prompt": "x"},
        {"query": "q1", "pos": ["p1"], "neg": ["n1", "n2"]},
    ],
    "ms-swift": [
        {"messages": message("q0"), "positive_messages": [message("p0")],
         "negative_messages": [message("n0"), message("p0")]},
        {"messages": message("<image>q1"), "images": ["1.png"],
         "positive_messages": [message("p1")], "positive_images": [[]],
         "negative_messages": [message("<image>"), message("n2")],
         "negative_images": [["2.png"], []]},
    ],
    "tevatron": [
        {"query_id": "0", "query": "q0",
         "positive_passages": [{"docid": "a", "title": "t", "text": "p0"}],
         "negative_passages": [{"docid": "b", "text": "n0"}, {"docid": "c", "text": "t p0"}]},
        {"query_id": "1", "query": "q1", "positive_passages": [{"docid": "d", "text": "p1"}],
         "negative_passages": [{"docid": "e", "text": "n1"}, {"docid": "f", "text": "n2"}]},
    ],
    "jsonl": [
        {"cluster_id": 0, "phase": 1,
         "anchor": {"query": {"text": "q0", "image_path": ""}, "target": {"text": "p0"}},
         "negatives": [{"query": {"text": "a"}, "target": {"text": "n0"}, "hardness": 0.5},
                       {"query": {"text": "b"}, "target": {"text": "p0"}, "hardness": 0.4}]},
        {"cluster_id": 1, "phase": 1,
         "anchor": {"query": {"text": "q1"}, "target": {"text": "p1"}},
         "negatives": [{"query": {"text": "a"}, "target": {"text": "n1"}}]},
    ],
}  # fmt: skip


def run(folder, records, name="in.jsonl", *words):
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    repaired = folder / "repaired.jsonl"
    status = check_negatives.main(
        [f"--triplets={path}", f"--out={folder / 'report.json'}", f"--repaired={repaired}", *words]
    )
    if status:
        return status, None
    made = [json.loads(line) for line in repaired.read_text(encoding="utf-8").splitlines()]
    return json.loads((folder / "report.json").read_text()), made


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_known_and_repaired(tmp_path, layout):
    records = LAYOUTS[layout]
    report, made = run(tmp_path, records)
    assert report["layout"] == layout
    assert {kind: n for kind, n in report["faulty_negatives"].items() if n} == {"positive": 1}
    assert made[-1] == records[1]
    faults = pd.read_csv(tmp_path / "report.csv")
    assert faults[["row", "negative", "kind"]].to_numpy().tolist() == [[0, 1, "positive"]]
    if layout == "sentence-transformers":  # a row of its losses has no holes
        assert len(made) == 1 and report["repaired"]["rows_left_out"] == 1
        return
    assert len(made) == 2
    kept = made[0]
    names = {
        "flagembedding": "neg", "ms-swift": "negative_messages", "tevatron": "negative_passages",
        "jsonl": "negatives",
    }  # fmt: skip
    assert kept == records[0] | {names[layout]: records[0][names[layout]][:1]} | (
        {"neg_scores": [0.5]} if layout == "flagembedding" else {}
    )
    assert run(tmp_path, made)[0]["faulty_negatives"]["positive"] == 0


def test_rows_of_mmeb_with_one_negative_each(tmp_path):
    one = {"qry": "q", "qry_image_path": "", "pos_text": "", "pos_image_path": "1.png"}
    records = [
        one | {"neg_text": "", "neg_image_path": "1.png"},
        one | {"neg_text": "", "neg_image_path": "2.png"},
    ]
    frame = pd.DataFrame(records)
    frame.to_parquet(tmp_path / "in.parquet")
    words = {"triplets": "in.parquet", "out": "r.json", "repaired": "better.parquet"}
    assert check_negatives.main([f"--{key}={tmp_path / name}" for key, name in words.items()]) == 0
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "better.parquet"), frame[1:].reset_index(drop=True)
    )
    assert json.loads((tmp_path / "r.json").read_text())["rows_with_images"] == 2


def test_cells_with_images_and_columns_of_their_own(tmp_path):
    cells = [{"anchor": "q", "positive": {"text": "p", "image": "1.png"},
              "negative": {"text": "p", "image": "2.png"}}]  # fmt: skip
    assert not any(run(tmp_path, cells)[0]["faulty_negatives"].values())
    columns = [{"anchor": "q", "anchor_image": "", "positive": "p", "positive_image": "1.png",
                "negative_1": "p", "negative_1_image": "1.png", "label": 1}]  # fmt: skip
    status, _ = run(tmp_path, columns)
    assert status == 2  # nothing is left after the repair


def test_documents_by_id(tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        '{"docid": "1", "text": "p"}\n{"docid": "2", "text": "n", "image": "2.png"}\n'
    )
    record = {"query_id": "0", "query_text": "q", "query_image": None,
              "positive_document_ids": ["1"], "negative_document_ids": ["1", "2"]}  # fmt: skip
    _, made = run(tmp_path, [record], "in.jsonl", f"--corpus={corpus}")
    assert made == [record | {"negative_document_ids": ["2"]}]


def test_named_layout_goes_by_the_order_of_columns(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("\ufeffFrage,Antwort,Falsch\nä,b,b\nä2,c,d\n", encoding="utf-8")
    words = [f"--triplets={path}", f"--out={tmp_path / 'r.json'}"]
    assert check_negatives.main(words) == 2
    words += ["--layout=sentence-transformers", f"--repaired={tmp_path / 'out.csv'}"]
    assert check_negatives.main(words) == 0
    assert (tmp_path / "out.csv").read_text() == "Frage,Antwort,Falsch\nä2,c,d\n"


@pytest.mark.parametrize(
    ("records", "words", "says"),
    [
        ([{"a": 1}], [], "no known layout has the columns a"),
        ([{"query": "q", "pos": "p", "neg": ["n"]}], [], "row 0: pos is 'p'; it must be a list"),
        ([{"query": 1, "pos": ["p"], "neg": ["n"]}], [], "row 0: query is 1, no text"),
        (
            [{"query": "q", "pos": ["p"], "neg": ["n"], "neg_scores": [1, 2]}],
            [],
            "neg_scores must hold 1 numbers",
        ),
        (LAYOUTS["flagembedding"] + [{"query": "q"}], [], "row 2: pos is None"),
        (LAYOUTS["flagembedding"], ["--batch=1"], "--batch is 1"),
        (LAYOUTS["flagembedding"], ["--near=2"], "--near is 2.0"),
        (
            [{"query_text": "q", "positive_document_ids": ["9"], "negative_document_ids": []}],
            [],
            "document '9' is not in the corpus",
        ),
        (
            [{"messages": message("<image>"), "positive_messages": [message("p")]}],
            [],
            "messages has 1 <image> and 0 images",
        ),
        ([[1]], [], "row 0 is [1]; each row is an object"),
        ([], [], "holds no rows"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, records, words, says):
    assert run(tmp_path, records, "in.jsonl", *words) == (2, None)
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and says in error[0]
    assert not (tmp_path / "report.json").exists()


def test_the_summary_says_what_to_do(tmp_path, caplog):
    caplog.set_level("INFO")
    run(tmp_path, LAYOUTS["flagembedding"])
    said = "\n".join(caplog.messages)
    assert "1 negatives: positive (is a positive of the same query)" in said
    assert "2 rows stay, 0 are left out" in said
