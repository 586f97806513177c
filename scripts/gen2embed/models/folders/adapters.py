"""Fine-tuned adapters: PEFT folders merged into a backbone's weights, or put beside them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gen2embed.artifacts.rows_taken import DROPPED, dropped_of
from gen2embed.errors import InputError
from gen2embed.files import read_json_object
from gen2embed.models.folders.sums import CARD, check_regular, check_sums
from gen2embed.models.folders.weights import adapter_weights
from gen2embed.prompts.input_form import InputForm, check_same, form_facts

OLDER_NAMES = {  # of modules before transformers 4.52, as released adapters have them -> today's
    r"^model\.layers\.": "model.language_model.layers.",
    r"^language_model\.model\.": "model.language_model.",
    r"^visual\.": "model.visual.",
}
PREFIX = "base_model.model."


def apply_adapter(model: Any, folder: str, merge: bool) -> Any:
    """The model with the LoRA or DoRA adapter of a PEFT folder.

    merge: add it to the weights (faster); otherwise it is computed beside them (closer to training
    in bf16). Either way the result is of the model's own class.
    Raises InputError when the folder holds no adapter, one of another shape, or weights that fit
    nothing: PEFT only warns of those and goes on with the untouched model.
    """
    import torch
    from peft import PeftModel, get_peft_model_state_dict

    check_regular(folder)
    check_sums(folder)
    released = adapter_weights(folder)
    older = older_names(model)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")
            adapted = PeftModel.from_pretrained(model, folder, key_mapping=older)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # PEFT raises whatever it meets in a broken adapter_config.json
        reason = f"{type(error).__name__}: {error}".strip().split("\n")[0][:300]
        raise InputError(f"{folder}: no adapter of this model ({reason})") from None
    _check_loaded(folder, get_peft_model_state_dict(adapted), released, older)
    return adapted.merge_and_unload() if merge else adapted.get_base_model().eval()


def older_names(model: Any) -> dict[str, str]:
    """``OLDER_NAMES``, where the model's language model is a part of it; else names are as ever."""
    multimodal = any(".language_model." in name for name, _ in model.named_modules())
    return OLDER_NAMES if multimodal else {}


def _check_loaded(
    folder: str, loaded: dict[str, Any], in_file: dict[str, Any], older: dict[str, str]
) -> None:
    """Raise InputError unless every weight of the adapter's file, and no other, is in the model."""
    released = {_today(name, older): weight for name, weight in in_file.items()}
    strange = sorted(set(released) - set(loaded))
    missing = sorted(set(loaded) - set(released))
    unlike = [name for name in sorted(set(loaded) & set(released))
              if not _equal(loaded[name], released[name])]  # fmt: skip
    for names, what in ((strange, "fit no module"), (missing, "are missing"), (unlike, "differ")):
        if names:
            raise InputError(
                f"{folder}: {len(names)} of its weights {what} of this model, such as {names[0]}; "
                "it belongs to another model, or has names that are not known here"
            )


def _today(name: str, older: dict[str, str]) -> str:
    """A weight's name as this transformers has it."""
    bare = name.removeprefix(PREFIX)
    for pattern, now in older.items():
        bare = re.sub(pattern, now, bare)
    return PREFIX + bare


def _equal(loaded: Any, released: Any) -> bool:
    """Equal but for precision, which follows the model's."""
    released = released.to(loaded)
    return loaded.shape == released.shape and bool((loaded == released).all())


def card_of(folder: str | None) -> dict[str, Any] | None:
    """The card of an adapter of this project: beside it, or, of a checkpoint, two folders above."""
    if folder is None:
        return None
    path = Path(folder).absolute()  # of a checkpoint named from within, too
    found = next(
        (folder for folder in (path, *path.parents[1:2]) if (folder / CARD).is_file()), None
    )
    return None if found is None else read_json_object(found / CARD)


def check_model(model: str, adapter: str | None, digest_of: Callable[[str], str | None]) -> None:
    """Raise InputError for an adapter that was trained on other weights of the model's shape.

    digest_of: see ``files.digest_folder``. Nothing is known of hub ids, released adapters, and
    models in one file, whose weights are stored otherwise.
    """
    digest = (card_of(adapter) or {}).get("model_digest")
    if digest and Path(model).is_dir() and digest_of(model) != digest:
        raise InputError(
            f"{adapter}: was trained on other weights than {model} holds; give the model that its "
            f"{CARD} names"
        )


def check_form(form: InputForm, adapter: str | None, what: str) -> None:
    """Raise InputError for an adapter that was trained with other inputs. what: what it is for."""
    card = card_of(adapter) or {}
    check_same(form_facts(form), card.get("input"), f"{what} and {adapter}")


def trained_on(folder: str | None) -> dict[str, Any] | None:
    """What an adapter of this project was trained on: split and cap of rows, strategy, steps.

    And how many bad rows of all subsets were dropped, where some were. None without a card
    (``card_of``).
    """
    card = card_of(folder)
    if card is None:
        return None
    of_sets, settings = card.get("clusters"), card.get("settings")
    if not isinstance(of_sets, dict) or not isinstance(settings, dict):
        raise InputError(f"{folder}: its {CARD} tells no clusters and settings; train it again")
    if not all(isinstance(value, dict) for value in of_sets.values()):
        raise InputError(f"{folder}: its {CARD} tells no subsets; train it again")
    facts = {
        name: sorted({value.get(name) for value in of_sets.values()}, key=str)
        for name in ("split", "row_cap", "strategy")
    }
    single = {name: values[0] if len(values) == 1 else values for name, values in facts.items()}
    dropped = sum(map(dropped_of, of_sets.values()))
    single |= {DROPPED: dropped} if dropped else {}
    return single | {name: settings.get(name) for name in ("steps", "seed")}
