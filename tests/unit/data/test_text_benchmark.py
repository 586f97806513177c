"""The text benchmark: right answers worked out by hand, and what every data set promises."""

import hashlib
import re
import tarfile

import pandas as pd
import pytest

import build_text_benchmark
import extract_wordnet
from gen2embed.data.datasets import load_register
from gen2embed.errors import InputError
from gen2embed.evaluation.leakage import text_key
from gen2embed.wordnet.benchmark import (
    equivalences,
    evaluation_frame,
    evaluation_sets,
    minimal_pairs,
    training_frame,
    training_sets,
)
from gen2embed.wordnet.database import parse_line, read_tags, split_gloss, thin_out
from gen2embed.wordnet.lexicon import Lexicon
from gen2embed.wordnet.synsets import Antonym, Synset, as_lines, load_synsets
from gen2embed.wordnet.tasks import GAP, TASKS, WORDINGS, questions

ANIMAL = Synset("n1", "noun.Tops", ("animal", "beast"), "a living thing that moves")
DOG = Synset(
    "n2", "noun.animal", ("dog", "hound"), "it barks", ("the dog slept here",), ("n1",), ("n4",)
)
CAT = Synset("n3", "noun.animal", ("cat",), "it purrs", (), ("n1",))
TAIL = Synset("n4", "noun.body", ("tail",), "the rear end", (), (), ("n5",))
TIP = Synset("n5", "noun.body", ("tip",), "the outermost end")
PUPPY = Synset("n6", "noun.animal", ("puppy", "whelp"), "it is young", (), ("n2",))
SCAMP = Synset("n7", "noun.person", ("dog",), "a bad man", ("you dirty dog",))
HOT = Synset("a1", "adj.all", ("hot",), "giving heat", antonyms=(Antonym("hot", "a2", "cold"),))
COLD = Synset("a2", "adj.all", ("cold", "chill"), "without heat", similar=("a3",))
ICY = Synset("a3", "adj.all", ("icy",), "like ice", similar=("a2",))
BY_HAND = [HOT, COLD, ICY, ANIMAL, DOG, CAT, TAIL, TIP, PUPPY, SCAMP]


@pytest.fixture(scope="module")
def by_hand():
    return Lexicon(BY_HAND, 1e-9, 0)


def asked(task, lexicon):
    return {one.about: one for one in questions(task, lexicon)}


def test_right_answers_by_hand(by_hand):
    right = {task: {n: q.right for n, q in asked(task, by_hand).items()} for task in TASKS}
    assert right["GlossWord"]["n2"] == {"dog", "hound"}
    assert right["WordGloss"]["n2"] == {"it barks", "a bad man"}  # both meanings of the noun
    assert "n7" not in right["WordGloss"]  # it asks nothing of its own
    assert right["Kind"]["n6"] == {"dog", "hound", "animal", "beast"}  # and further up
    assert right["Synonym"]["n2"] == {"hound"} and "n3" not in right["Synonym"]
    assert right["Class"]["n2"] == {"animal"} and "n1" not in right["Class"]
    assert right["Part"]["n2"] == {"tail", "tip"}  # a part of a part
    assert right["Antonym"]["a1"] == {"cold", "chill", "icy"}
    assert right["Example"]["n2"] == {"dog", "hound"}
    assert right["Sense"]["n2"] == {"it barks"}


def test_annotated_answers_are_the_nearest(by_hand):
    assert asked("Kind", by_hand)["n6"].answers == ("dog", "hound")
    assert asked("Part", by_hand)["n2"].answers == ("tail",)
    assert asked("Antonym", by_hand)["a1"].answers == ("cold",)


def test_the_other_meaning_is_wrong_in_one_thing(by_hand):
    assert asked("Sense", by_hand)["n2"].wrong == ("a bad man",)
    assert asked("Sense", by_hand)["n7"].wrong == ("it barks",)


def test_siblings_are_the_distractors(by_hand):
    assert asked("GlossWord", by_hand)["n2"].hard == ("cat",)


def test_what_the_text_gives_away_is_not_asked():
    told = Lexicon([Synset("n1", "noun.act", ("walk", "stroll"), "a slow walking about")], 1e-9, 0)
    assert questions("GlossWord", told) == []
    shown = Synset("n1", "noun.act", ("walk", "stroll"), "to stroll about")
    assert questions("Synonym", Lexicon([shown], 1e-9, 0)) == []


def test_one_gloss_of_two_synsets_is_one_question_with_the_answers_of_both():
    both = [Synset(f"n{n}", "noun.act", (w,), "a thing") for n, w in ((1, "foo"), (2, "bar"))]
    (question,) = questions("GlossWord", Lexicon(both, 1e-9, 0))
    assert question.right == {"foo", "bar"}


LINES = {
    "data.noun": [
        "00000100 03 n 02 thing 0 Big_Thing 0 000 | that which is  ",
        "00000200 05 n 01 middle 0 001 @ 00000100 n 0000 | rare  ",
        "00000300 05 n 02 hound 0 dog 0 003 @ 00000200 n 0000 %p 00000100 n 0000 + 00000400 v 0101"
        ' | it barks; "the dog ran"; "a hound"  ',
    ],
    "data.verb": ["00000400 30 v 01 go 0 000 01 + 01 00 | move  "],
    "data.adj": [
        "00000500 00 a 01 hot(a) 0 001 ! 00000600 a 0101 | warm  ",
        "00000600 00 s 01 cold 0 001 ! 00000500 a 0101 | not warm  ",
    ],
    "index.sense": [
        "thing%1:03:00:: 00000100 1 4",
        "middle%1:05:00:: 00000200 1 0",
        "hound%1:05:00:: 00000300 1 1",
        "dog%1:05:00:: 00000300 1 9",
        "go%2:30:00:: 00000400 1 1",
        "hot%3:00:00:: 00000500 1 2",
        "cold%5:00:00:hot:00 00000600 1 2",
    ],
}


def test_the_database_is_thinned_out_by_hand():
    raws = [parse_line(line) for name, lines in LINES.items() if "data" in name for line in lines]
    found = {one.id: one for one in thin_out(raws, read_tags(LINES["index.sense"]))}
    assert list(found) == ["a500", "a600", "n100", "n300", "v400"]  # "middle" is never tagged
    dog = found["n300"]
    assert dog.words == ("dog", "hound")  # the more frequent first
    assert dog.kinds == ("n100",)  # past the one that is not kept
    assert (dog.parts, dog.examples) == (("n100",), ("the dog ran", "a hound"))
    assert found["n100"].words == ("thing",)
    assert found["a500"].antonyms == (Antonym("hot", "a600", "cold"),)


def test_a_gloss_without_examples_is_a_definition():
    assert split_gloss("a thing; used for work  ") == ("a thing; used for work", ())


def test_an_extract_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "wordnet.tsv"
    path.write_text("".join(f"{line}\n" for line in as_lines(BY_HAND)))
    assert load_synsets(path) == BY_HAND
    path.write_text("id\n")
    with pytest.raises(InputError, match="is no extract"):
        load_synsets(path)


def make_archive(folder, leave_out=""):
    path = folder / "wordnet.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, lines in LINES.items():
            if name != leave_out:
                file = folder / name
                file.write_text("  1 a licence\n" + "".join(f"{line}\n" for line in lines))
                archive.add(file, f"package/dict/{name}")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_extract_is_made_of_the_pinned_archive_alone(tmp_path, capsys):
    path, digest = make_archive(tmp_path)
    out = tmp_path / "made.tsv"
    words = [f"--archive={path}", f"--out={out}"]
    assert extract_wordnet.main(words) == 2
    assert "has the SHA-256" in capsys.readouterr().err and not out.exists()
    assert extract_wordnet.main([*words, f"--sha256={digest}"]) == 0
    assert [one.id for one in load_synsets(out)] == ["a500", "a600", "n100", "n300", "v400"]
    path, digest = make_archive(tmp_path, "data.verb")
    assert extract_wordnet.main([*words, f"--sha256={digest}"]) == 2
    assert "data.verb" in capsys.readouterr().err


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon(load_synsets(), 0.3, 5)


@pytest.fixture(scope="module")
def sets(lexicon):
    register = load_register("wordnet")
    return {
        "train": training_sets(register, lexicon, 60, 5),
        "eval": evaluation_sets(register, lexicon, 40, 50, 5),
    }


def test_no_candidate_is_as_right_as_the_annotated_one(sets):
    for dataset in sets["eval"]:
        for row, offered in zip(dataset.rows, dataset.candidates, strict=True):
            assert offered[0] == row.target and len(set(offered)) == len(offered) >= 2
            assert not any(row.is_right(one) for one in offered[1:])


def test_training_asks_one_question_in_several_rows(sets):
    for dataset in sets["train"]:
        rows = dataset.rows
        asked = {row.question.key for row in rows}
        assert len(rows) == 60 and len({row.text for row in rows}) == 60
        assert len(asked) == 60 / len(WORDINGS[dataset.entry.task])


def test_evaluation_asks_nothing_of_training_again(sets, lexicon):
    """By content: no query, no question; of unseen sets no word of training."""
    trained = {text_key(row.text) for one in sets["train"] for row in one.rows}
    asked = {(one.entry.task, row.question.key) for one in sets["train"] for row in one.rows}
    words = {
        word
        for one in sets["train"]
        for row in one.rows
        for word in (
            *lexicon.by_id[row.question.about].words,
            *([row.target] if TASKS[one.entry.task].words else []),
        )
    }
    for dataset in sets["eval"]:
        for row in dataset.rows:
            assert text_key(row.text) not in trained
            assert (dataset.entry.task, row.question.key) not in asked
            if dataset.entry.concepts == "unseen":
                assert not words & {*lexicon.by_id[row.question.about].words}


def test_equivalences_are_right_and_minimal_pairs_wrong(sets):
    found = {"right": 0, "wrong": 0}
    for dataset in sets["train"]:
        targets = {row.target for row in dataset.rows}
        for kind, frame in (("right", equivalences(dataset)), ("wrong", minimal_pairs(dataset))):
            found[kind] += len(frame)
            for one in frame.itertuples():
                row = dataset.rows[one.row]
                assert one.text in targets and one.text != row.target
                assert row.is_right(one.text) == (kind == "right")
    assert found["right"] > 50 and found["wrong"] > 20


def test_frames_are_in_mmebs_schemas(sets):
    train, evaluated = training_frame(sets["train"][0]), evaluation_frame(sets["eval"][0])
    assert list(train) == ["qry", "qry_image_path", "pos_text", "pos_image_path"]
    assert set(train["qry_image_path"]) | set(train["pos_image_path"]) == {""}
    assert evaluated["tgt_text"].map(len).equals(evaluated["tgt_img_path"].map(len))
    gapped = evaluation_frame(next(one for one in sets["eval"] if one.entry.task == "Example"))
    assert gapped["qry_text"].str.contains(re.escape(GAP)).all()


def test_the_program_twice_is_the_same_to_the_byte(tmp_path):
    flags = ("--seed=1", "--train-rows=12", "--eval-queries=6", "--candidates=5")
    read = []
    for name in ("first", "second"):
        out = tmp_path / name
        words = [f"--out={out}", *flags, "--unseen-fraction=0.3"]
        assert build_text_benchmark.main(words) == 0
        files = sorted(path for path in out.rglob("*") if path.is_file())
        read.append({path.relative_to(out): path.read_bytes() for path in files})
    assert read[0] == read[1]
    table = pd.read_csv(tmp_path / "first" / "datasets.csv")
    assert set(table.loc[table["part"] == "eval", "rows"]) == {6}


def test_too_many_queries_are_one_line(tmp_path, capsys):
    flags = ("--seed=1", "--train-rows=12", "--eval-queries=100000", "--candidates=5")
    words = [f"--out={tmp_path / 'out'}", *flags, "--unseen-fraction=0.3"]
    assert build_text_benchmark.main(words) == 2
    assert re.search(r"GlossWord: WordNet gives \d+ of 100000 queries", capsys.readouterr().err)
