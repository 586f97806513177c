"""Every placeholder in a rule's shell command is quoted (``:q``), whatever stands in it."""

import ast
import io
import string
import tokenize

import pytest

from workflow.conftest import ROOT

FILES = ["Snakefile", *sorted(f"rules/{path.name}" for path in (ROOT / "rules").glob("*.smk"))]


def shell_commands(text):
    """Every ``shell:`` of a file of rules, its literals joined: (line, command)."""
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT)
    ]
    for index, token in enumerate(tokens[:-2]):
        if token.string == "shell" and tokens[index + 1].string == ":":
            literals = []
            for following in tokens[index + 2 :]:
                if following.type != tokenize.STRING:
                    break
                literals.append(ast.literal_eval(following.string))
            assert literals, f"line {token.start[0]}: a shell command that is no literal"
            yield token.start[0], "".join(literals)


def unquoted(text):
    """Line and placeholder of each that lacks ``:q``, or that quotes stand around already."""
    for line, command in shell_commands(text):
        before = ""
        for literal, field, form, conversion in string.Formatter().parse(command):
            before += literal
            if field is not None:
                inside = before.count("'") % 2 or before.count('"') % 2
                if form != "q" or conversion or inside:
                    yield line, field
                before += "word"


@pytest.mark.parametrize("name", FILES)
def test_no_placeholder_is_unquoted(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not list(unquoted(text))


def test_commands_are_found():
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in FILES]
    found = [command for text in texts for _, command in shell_commands(text)]
    assert len(found) == sum(text.count(" shell:\n") for text in texts) > 35
    assert sum(command.count(":q}") for command in found) > 200


@pytest.mark.parametrize(
    "command",
    [
        '"cat {input}"', '"cat {input.a:q} {output.b}"', '"cat {input:q}"\n        " > {log}"',
        "\"cat '{input:q}'\"", "'cat \"{input:q}\"'", '"cat {input!s:q}"', '"cat {threads:u}"',
    ],
)  # fmt: skip
def test_a_fault_is_found(command):
    assert len(list(unquoted(f"rule x:\n    shell:\n        # why\n        {command}\n"))) == 1


def test_what_is_sound_is_left_alone():
    sound = """rule x:\n    shell:\n        "cat {input:q} '{{x}}' " '"$a"' " > {log:q}"\n"""
    assert not list(unquoted(sound))
