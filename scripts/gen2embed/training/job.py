"""One training: what it is told, resolved once, and the digest of all that decides its result."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property

from gen2embed.files import (
    digest_facts,
    digest_file,
    digest_folder,
    digest_small_files,
    package_versions,
)
from gen2embed.models.pixel_limits import PixelLimits, limits_of_job
from gen2embed.program_code import digest_of_program
from gen2embed.prompts.input_form import InputForm, form_of
from gen2embed.prompts.items import digest_of_images
from gen2embed.prompts.registry import Prompt, get_prompt
from gen2embed.prompts.resolutions import Resolution, get_resolution
from gen2embed.settings import keys_of
from gen2embed.training import processes
from gen2embed.training.checks import check_flags
from gen2embed.training.inputs import TrainingInputs

ADAPTERS = "adapters"  # of named steps, among the states until the training is done
OF_THE_STUDY = ("runs", "seeds", "checkpoints", "processes", "nodes")  # no flags of one training
SETTINGS = (  # flags, and, but for those that cannot change the result, on the card
    *("mode", "fraction"),
    *(key for key in keys_of("train") if key not in (*OF_THE_STUDY, "min_pixels", "max_pixels")),
)
IRRELEVANT = ("save_every", "report_to", "loader_workers", "loader_seconds")  # to the result
NOT_ON_THE_CARD = (*IRRELEVANT, "allow_other_prompt")


@dataclass(frozen=True)
class Training:
    """flags: those of train_adapter.py; what they name is looked up here, and nowhere again."""

    flags: argparse.Namespace
    prompt: Prompt
    resolution: Resolution
    form: InputForm
    limits: PixelLimits

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Training:
        """Everything that can be checked without files and model. Raises InputError."""
        check_flags(flags)
        return cls(
            flags,
            get_prompt(flags.prompt, flags.prompt_file),
            get_resolution(flags.resolution),
            form_of(flags),
            limits_of_job(flags),
        )

    @cached_property
    def model_digest(self) -> str | None:
        return digest_folder(self.flags.model)

    @cached_property
    def versions(self) -> dict[str, str]:
        return package_versions("torch", "transformers", "peft")

    def digest(self, inputs: TrainingInputs) -> str:
        """Of everything that determines the result: flags, files, images, code, versions."""
        flags = self.flags
        facts: dict[str, object] = {"processes": processes.count()}
        irrelevant = ("out", "partial", "counted", *IRRELEVANT)
        facts |= {key: value for key, value in vars(flags).items() if key not in irrelevant}
        if flags.validation_share:
            facts["measured_every"] = flags.save_every
        files = [*flags.pairs, *flags.clusters, flags.query_items, flags.target_items]
        files += [flags.scores] if flags.scores else []
        files += [*(flags.equivalences or []), *(flags.corpora or [])]
        facts["files"] = [digest_file(path) for path in files]
        facts["model_digest"] = self.model_digest
        facts["small_files"] = digest_small_files(flags.model)
        facts["images"] = [
            digest_of_images(flags.image_root, items)
            for items in (inputs.query_items, inputs.target_items)
        ]
        facts["code"] = digest_of_program("train_adapter.py")
        facts["prompt_text"] = repr(self.prompt)
        facts["versions"] = self.versions
        return digest_facts(facts)
