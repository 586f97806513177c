"""What one flag of a training asks of another."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from gen2embed.errors import InputError
from gen2embed.mining.revealed import check_dose
from gen2embed.training.options import LossOptions


def check_flags(flags: argparse.Namespace) -> None:
    """Raises InputError for flags of train_adapter.py that cannot go together."""
    if flags.report_to != "none" and find_spec(flags.report_to) is None:
        raise InputError(
            f"--report-to {flags.report_to}: is not installed; pip install it, or none"
        )
    if len(flags.pairs) != len(flags.clusters):
        raise InputError(
            f"--pairs names {len(flags.pairs)} files, --clusters {len(flags.clusters)}; "
            "give one cluster file per pairs file, in the same order"
        )
    check_dose(flags.equivalences, flags.hidden, flags.hidden_seed)
    for name in ("equivalences", "corpora"):
        files = getattr(flags, name)
        if files and len(files) != len(flags.pairs):
            raise InputError(
                f"--pairs names {len(flags.pairs)} files, --{name} {len(files)}; give one per "
                "pairs file, in the same order"
            )
    if flags.hidden < 1 and not flags.mask_duplicates:
        raise InputError(
            f"--hidden {flags.hidden:g}: what is revealed is masked in the loss; say "
            "--mask-duplicates"
        )
    if bool(flags.scores) != bool(flags.soft_labels):
        raise InputError("--soft-labels and --scores belong together; give both, or neither")
    LossOptions.of(flags).check(flags.mask_duplicates)
    for name in ("save_adapters_at", "average"):
        late = [step for step in getattr(flags, name) if not 0 < step < flags.steps]
        if late:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} {late[0]}: give steps from 1 to {flags.steps - 1}")
    if flags.validation_share and (flags.save_adapters_at or flags.average):
        raise InputError(
            "--validation-share: the training may end before any step; leave out "
            "--save-adapters-at and --average"
        )
    if flags.warm_up >= flags.steps > 1:
        raise InputError(
            f"--warm-up is {flags.warm_up}; give fewer steps than --steps ({flags.steps})"
        )
