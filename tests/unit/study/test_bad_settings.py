"""Bad settings end before the first job, each in one line that names the key."""

import copy
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.errors import InputError
from gen2embed.settings import SCHEMA, Validator, load_schema
from gen2embed.study import combinations
from gen2embed.study.combinations import check_pattern
from gen2embed.study.configuration import check_configuration
from gen2embed.study.study import Study

CONFIG = yaml.safe_load((SCHEMA.parents[1] / "config.yaml").read_text(encoding="utf-8"))


def resolved(schema):
    while "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**load_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]], **rest}
    return schema


def leaves(schema, value, path=()):
    """Every scalar of the configuration with its schema: (path, schema)."""
    schema = resolved(schema)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(schema["properties"][key], inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:1]):
            yield from leaves(schema["items"], inner, (*path, index))
    else:
        yield path, schema


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return config


def bad_values(schema):
    """Values that a leaf's own schema says it does not take; of each kind of fault some."""
    kinds = schema.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    yield from ([], {}, [1], {"a": 1})
    if "null" not in kinds:
        yield None
    if "integer" in kinds:
        yield from (16.0, "16", True, math.nan, math.inf, schema.get("minimum", 0) - 1)
        if "maximum" in schema:
            yield schema["maximum"] + 1
    elif "number" in kinds:
        yield from ("0.5", True, math.nan, math.inf, -math.inf)
        if "minimum" in schema:
            yield schema["minimum"] - 0.5
        if "exclusiveMinimum" in schema:
            yield schema["exclusiveMinimum"]
        if "maximum" in schema:
            yield schema["maximum"] + 0.5
    elif "boolean" in kinds:
        yield from ("yes", 1, 0)
    elif "string" in kinds or "enum" in schema:
        yield from (7, 0.5, True, "a\n", "a\x00b", "x" * 5000)


LEAVES = list(leaves(load_schema(), CONFIG))
BAD = [(path, value) for path, schema in LEAVES for value in bad_values(schema)]


def refused(config):
    with pytest.raises(InputError) as fault:
        check_configuration(config, SCHEMA)
    said = str(fault.value)
    assert "\n" not in said and "\x00" not in said and len(said) < 600, said
    return said


@pytest.fixture
def impatient(monkeypatch):
    """Of a pattern that never ends half a second shows as much as five."""
    monkeypatch.setattr(combinations, "PATTERN_SECONDS", 0.5)


def test_every_bad_value_is_one_line_that_names_its_key():
    assert len(LEAVES) > 100 and len(BAD) > 600
    for path, value in BAD:
        said = refused(changed(path, value))
        named = ".".join(map(str, path))
        assert named in said or "unknown prompt" in said or "resolution" in said, (
            path,
            value,
            said,
        )


def test_the_ends_of_every_range_are_taken():
    count = 0
    for path, schema in LEAVES:
        check = Validator({**schema, "$defs": load_schema()["$defs"]})
        for end in ("minimum", "maximum"):
            if end in schema:
                check.validate(schema[end])
                count += 1
        for value in schema.get("enum", ()):
            check.validate(value)
        default = schema.get("default")  # null: a call by hand leaves it to the library
        assert default is None or check.is_valid(default), path
    assert count > 80


@settings(max_examples=150, deadline=None)
@given(
    where=st.sampled_from([(), *{path[:-1] for path, _ in LEAVES if isinstance(path[-1], str)}]),
    key=st.one_of(
        st.integers(), st.booleans(), st.none(), st.floats(), st.dates(), st.text(max_size=400)
    ),
)
def test_keys_that_are_none_of_ours(where, key):
    config = copy.deepcopy(CONFIG)
    section = config
    for name in where:
        section = section[name]
    if key in section:
        return
    section[key] = 1
    refused(config)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ("generator", "heads"),
            3,
            "generator.hidden: 128 is not a multiple of 2 x generator.heads",
        ),
        (("generator", "kv_heads"), 3, "generator.heads"),
        (("generator", "vision_heads"), 5, "generator.vision_width"),
        (("train", "pairs_per_batch"), 4, "do not hold one cluster"),
        (("train", "checkpoints"), [10**6], "before the last step"),
        (("train", "nodes"), 2, "not a multiple of train.nodes"),
        (("train", "modules"), "(", "no regular expression"),
        (("train", "modules"), r"(\w+\.?)+x", "repeat nothing that is itself repeated"),
        (("mine", "strategies"), ["hns"], "add it there"),
        (("mine", "grid", "strategies"), ["in_batch"], "mine.grid.strategies"),
        (("published", "systems"), ["E5V"], "did you mean 'E5-V'?"),
        (("published", "backbone"), "Qwen9", "not in the register"),
        (("published", "released_as"), "$(touch PWNED)", "no run"),
        (("mining_from",), "mini", "names this experiment"),
        (("data", "source"), "mmeb", "name another model"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_cannot_run_together(path, value, said):
    assert said in refused(changed(path, value))


@pytest.mark.parametrize(
    "pattern", [r"([a-z_.0-9]+)*=", r"(.*)*!x", r"(\w|\w\w|\.)+z", "(" * 3000, "a{99999999999}"]
)
@pytest.mark.usefixtures("impatient")
def test_patterns_that_would_hang_or_are_none(pattern):
    with pytest.raises(InputError, match=r"takes more than|no regular expression"):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", r".*\.(q_proj|k_proj)", r"model\.layers\.\d+\..*_proj"])
def test_patterns_that_are_sound(pattern):
    check_pattern(pattern)


def test_pairs_alone_are_a_sound_study_without_mined_negatives():
    runs = [{"strategy": "in_batch", "prompt": "hierarchical"}]
    config = changed(("mine", "strategies"), ["in_batch"])
    config["train"]["runs"] = runs
    check_configuration(config, SCHEMA)
    study = Study(config)
    assert study.mines and not study.compares_mining and not study.knows_equivalences
