"""A setting is declared once: the same verdict, type, range and default by file and by flag."""

import argparse
import copy
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import embed_items
import mine_negatives
import train_adapter
from gen2embed.command_line import run_program
from gen2embed.errors import InputError
from gen2embed.prompts.input_form import InputForm
from gen2embed.settings import (
    SCHEMA,
    Validator,
    add_settings,
    check_settings,
    keys_of,
    load_schema,
    setting,
)
from gen2embed.study.configuration import check_configuration

ROOT = SCHEMA.parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SECTIONS = ("input", "embed", "mine", "train")
PROGRAMS = {"embed": embed_items, "mine": mine_negatives, "train": train_adapter}
SCALARS = [
    (section, key)
    for section in SECTIONS
    for key in keys_of(section)
    if setting(section, key).types[0] not in ("array", "object")
    and "description" in setting(section, key).schema
]
SHARED = {("train", "min_pixels"), ("train", "max_pixels")}  # one flag with the embedding's


def test_every_flag_with_a_key_takes_all_from_the_schema():
    seen = set()
    for section, program in PROGRAMS.items():
        for action in program.build_parser()._actions:
            names = [
                option.removeprefix("--").replace("-", "_") for option in action.option_strings
            ]
            of_schema = [key for key in names if key in keys_of(section)]
            found = getattr(action, "setting", None)
            if of_schema:
                assert found is not None, f"{program.__name__} declares {names[0]} itself"
            if found:
                seen.add((found.section, found.key))
                assert action.help == found.schema["description"]
                assert action.required == ("default" not in found.schema)
                assert action.default == found.schema.get("default")
    assert seen >= set(SCALARS) - SHARED


def test_the_input_form_s_own_defaults_are_the_schema_s():
    found = {key: setting("input", key).schema["default"] for key in keys_of("input")}
    assert vars(InputForm()) == found


VALUES = st.one_of(
    st.integers(-3, 5),
    st.integers(2**31, 2**33),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.5, 16.0, 1.0, 0.0, "fp32", "bf16", "stock", "clusters", "none", "", "é\n"]),
    st.booleans(),
)


def by_file(section, key, value):
    config = copy.deepcopy(CONFIG)
    config[section][key] = value
    schema = load_schema()["properties"][section]
    checked = {**schema, "$defs": load_schema()["$defs"]}
    return next(Validator(checked).iter_errors(config[section]), None) is None


def by_flag(section, key, value):
    parser = argparse.ArgumentParser(prog="toy")
    add_settings(parser, section, [key])
    try:
        check_settings(parser, [parser.parse_args([f"--{key.replace('_', '-')}={value}"])])
    except InputError as error:
        assert str(error).startswith(f"--{key.replace('_', '-')} is ")
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(
    key=st.sampled_from([one for one in SCALARS if one[1] not in ("mode", "fraction")]),
    value=VALUES,
)
def test_file_and_flag_give_the_same_verdict(key, value):
    types = setting(*key).types
    if types == ("boolean",):  # a switch: on or off
        return
    is_text = "integer" not in types and "number" not in types
    if is_text != isinstance(value, str) or isinstance(value, bool):
        return
    if "null" in types and value is None:
        return
    assert by_file(*key, value) == by_flag(*key, value), (key, value)


@pytest.mark.parametrize("value", [16.0, math.nan, math.inf, -math.inf, True, "16", None, 2**32])
def test_numbers_that_are_none_are_refused_before_the_first_job(value):
    config = copy.deepcopy(CONFIG)
    for section, key in (("embed", "window"), ("train", "steps"), ("mine", "k")):
        config[section][key] = value if value != 2**32 else 0
        with pytest.raises(InputError, match=f"{section}.{key}"):
            check_configuration(config, SCHEMA)
        config = copy.deepcopy(CONFIG)
    config["seed"] = value
    with pytest.raises(InputError, match="seed"):
        check_configuration(config, SCHEMA)


@pytest.mark.parametrize("words", [["--k", "x"], ["--k", "2.0"], ["--k"], ["--unknown", "1"], []])
def test_what_a_parser_refuses_is_one_line(words, capsys):
    parser = argparse.ArgumentParser(prog="toy")
    add_settings(parser, "mine", ["k"])
    assert run_program(parser, list, words) == 2
    said = capsys.readouterr().err
    assert said.startswith("toy: ") and said.count("\n") == 1


def test_help_is_whole(capsys):
    for program in PROGRAMS.values():
        with pytest.raises(SystemExit) as ended:
            program.main(["--help"])
        assert ended.value.code == 0
        assert "paper" in capsys.readouterr().out or program is embed_items


def test_a_list_is_given_word_by_word():
    parser = argparse.ArgumentParser(prog="toy")
    add_settings(parser, "train", ["matryoshka"])
    assert parser.parse_args([]).matryoshka == []
    given_words = parser.parse_args(["--matryoshka", "8", "64"])
    assert given_words.matryoshka == [8, 64]
    check_settings(parser, [given_words])
    for bad in (["--matryoshka", "0"], ["--matryoshka", "8", "8"], ["--matryoshka", "x"]):
        with pytest.raises(InputError, match="--matryoshka is"):
            check_settings(parser, [parser.parse_args(bad)])
