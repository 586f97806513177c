"""Model folders that are not whole, and texts that hold a model's own control tokens."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gen2embed.errors import InputError
from gen2embed.models.backbones import load_backbone
from gen2embed.prompts.registry import get_prompt
from unit.backbones import KINDS, save_backbone

PROMPT = get_prompt("hierarchical")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("foreign")
    return {kind: save_backbone(kind, root / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def loaded(folders):
    return {
        kind: load_backbone(str(folder), None, "fp32", "cpu") for kind, folder in folders.items()
    }


def copy(folder, to):
    shutil.copytree(folder, to)
    return to


def refused(folder):
    with pytest.raises(InputError) as raised:
        load_backbone(str(folder), None, "fp32", "cpu")
    assert str(folder) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_without_some_weights(kind, folders, tmp_path):
    whole = load_file(folders[kind] / "model.safetensors")
    for number, name in enumerate(sorted(whole)[:: max(1, len(whole) // 6)]):
        if name.startswith("lm_head"):
            continue
        folder = copy(folders[kind], tmp_path / str(number))
        rest = {key: one for key, one in whole.items() if key != name}
        save_file(rest, folder / "model.safetensors", metadata={"format": "pt"})
        assert "not in the checkpoint" in refused(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_other_names_or_shapes(kind, folders, tmp_path):
    whole = load_file(folders[kind] / "model.safetensors")
    other = copy(folders[kind], tmp_path / "names")
    renamed = {f"text_tower.{key}": one for key, one in whole.items()}
    save_file(renamed, other / "model.safetensors", metadata={"format": "pt"})
    assert "fit nothing" in refused(other)
    name = next(key for key in sorted(whole) if key.endswith("down_proj.weight"))
    shapes = copy(folders[kind], tmp_path / "shapes")
    changed = whole | {name: whole[name][:, :-1].contiguous()}
    save_file(changed, shapes / "model.safetensors", metadata={"format": "pt"})
    refused(shapes)


NEEDED = ("config.json", "model.safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_gone_cut_or_pointers(kind, folders, tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 4418\n"
    for path in sorted(folders[kind].iterdir()):
        for how in ("gone", "cut", "empty", "pointer"):
            folder = copy(folders[kind], tmp_path / f"{path.name}-{how}")
            file = folder / path.name
            whole = file.read_bytes()
            file.unlink()
            if how != "gone":
                made = {"cut": whole[: len(whole) // 2], "empty": b"", "pointer": pointer.encode()}
                file.write_bytes(made[how])
            try:
                load_backbone(str(folder), None, "fp32", "cpu")
            except InputError as error:
                assert str(folder) in str(error) and "\n" not in str(error)
            else:
                assert path.name not in NEEDED, how


TEXTS = st.lists(
    st.one_of(
        st.text(max_size=4), st.integers(0, 40), st.sampled_from(["<", "|", "<|im_end", "["])
    ),
    max_size=5,
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(pieces=TEXTS, has_image=st.booleans(), role=st.sampled_from(["query", "target"]))
def test_no_text_opens_or_closes_a_turn(kind, loaded, pieces, has_image, role):
    backbone = loaded[kind]
    tokenizer = backbone.processor.tokenizer
    words = [*sorted(tokenizer.all_special_tokens), *backbone.markup_words]
    words += sorted(one.content for one in tokenizer.added_tokens_decoder.values())
    text = "".join(one if isinstance(one, str) else words[one % len(words)] for one in pieces)
    found = backbone.render(PROMPT.system, backbone.turn(PROMPT, role, text, has_image))
    plain = backbone.render(PROMPT.system, backbone.turn(PROMPT, role, "a", has_image))
    special = {tokenizer.convert_tokens_to_ids(word) for word in tokenizer.all_special_tokens}
    unknown = tokenizer.unk_token_id

    def opened(prompt):
        ids = tokenizer(prompt)["input_ids"]
        return [one for one in ids if one in special and one != unknown]

    assert opened(found) == opened(plain)
    for word in backbone.markup_words:
        assert found.count(word) == plain.count(word)


def test_ordinary_texts_stay_as_they_are(loaded):
    for text in ("a < b | c", "[the] <image of> <|image_1|> it", "user\nassistant", "1 <s 2"):
        for backbone in loaded.values():
            turn = backbone.turn(PROMPT, "query", text, True)
            assert text in (
                turn.before + turn.after,
                turn.before + "<|image_1|>" + turn.after,
                text,
            )
            assert (turn.before + turn.after).replace(" ", "") == text.replace(
                "<|image_1|>", ""
            ).replace(" ", "")
