"""Fetch a model: a folder of links into the hub's cache (HF_HOME), or to a local copy.

Names are those of the register (docs/data.md); a hub id or a transformers folder is taken, too. An
adapter (PEFT) is laid out with its base model, so that the folder loads as one model.
"""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatch
from pathlib import Path

from gen2embed.command_line import progress_bar, run_each
from gen2embed.data.registry import RegisterEntry, find_model, unregistered_model
from gen2embed.download.files_of_repository import Source
from gen2embed.download.repository import Access, Selection, fetch_all, open_source, pinned_revision
from gen2embed.download.revisions import RevisionLock
from gen2embed.download.transfer import Patience, add_patience
from gen2embed.errors import InputError
from gen2embed.files import read_json, run_record, weight_names, write_json
from gen2embed.models.folders.released import ADAPTER, SOURCE
from gen2embed.outputs import add_output, whole_folder

ADAPTER_CONFIG, CONFIG = "adapter_config.json", "config.json"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fetch_model", description=__doc__)
    add = parser.add_argument
    add("--model", required=True, help="name in the register, hub id, or a transformers folder")
    add("--revision", default="", help="commit, tag or branch instead of the register's")
    add("--lock", required=True, help="file of locked revisions (docs/data.md)")
    add("--source", default="", help="folder with the repositories' files by name")
    add("--accept-revisions", action="store_true", help="go over to what is not the locked state")
    add_patience(parser)
    add_output(parser, "--out", whole=True, help="folder of the model")
    return parser


def entry_of(name: str) -> RegisterEntry:
    return unregistered_model(name) if name.count("/") == 1 else find_model(name)


def selection_of(
    entry: RegisterEntry, revision: str, lock: RevisionLock, access: Access
) -> Selection:
    """The model's files at its (locked) revision: weights, configuration, tokenizer, processor.

    Weights as torch's pickles (.bin) only where there are none as safetensors.
    """
    asked = revision or entry.revision
    source: Source = open_source([entry], asked, access)
    now = pinned_revision(source, asked, lock)
    wanted = {
        path: facts
        for path, facts in source.files(now).items()
        if any(fnmatch(path, pattern) for pattern in entry.files.split()) and "/" not in path
    }
    weights = weight_names(wanted)
    wanted = {
        path: facts
        for path, facts in wanted.items()
        if path in weights or not path.endswith(".bin")
    }
    if not weights or not {CONFIG, ADAPTER_CONFIG} & set(wanted):
        raise InputError(
            f"{entry.repo} at {now}: holds no model (config.json or adapter_config.json, and "
            "weights: safetensors, pytorch_model.bin or adapter_model.bin); name another model or "
            "revision"
        )
    return Selection(source, now, wanted, {}, [], [entry])


def fetched(selection: Selection, lock: RevisionLock, workers: int) -> dict[str, Path]:
    size = sum(value.size or 0 for value in selection.wanted.values())
    with progress_bar(size, f"fetch {selection.repo}", "B") as bar:
        fetch_all([selection], lambda *_: False, lock, workers, bar.update)
    return selection.downloaded


def link_all(files: dict[str, Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        (folder / name).symlink_to(path.resolve())


def fetch_hub(job: argparse.Namespace, folder: Path) -> None:
    lock = RevisionLock(Path(job.lock), job.accept_revisions)
    access = Access(job.source or None, Patience(job.tries, job.pause))
    selection = selection_of(entry_of(job.model), job.revision, lock, access)
    files = fetched(selection, lock, job.workers)
    if CONFIG not in files or ADAPTER_CONFIG in files:
        base = read_json(files[ADAPTER_CONFIG]).get("base_model_name_or_path", "")
        if base.count("/") != 1:
            raise InputError(f"{selection.repo}: is an adapter of {base!r}, which is no hub model")
        link_all(files, folder / ADAPTER)
        of_base = selection_of(entry_of(base), "", lock, access)
        link_all(fetched(of_base, lock, job.workers), folder)
    else:
        link_all(files, folder)
    write_json(folder / SOURCE, {"model": selection.repo, "revision": selection.revision})


def fetch(job: argparse.Namespace) -> None:
    out, local = Path(job.out), Path(job.model)
    with (
        run_record(out.parent / f"{out.name}.run.json"),
        whole_folder(out, "fetch_model") as folder,
    ):
        if (local / CONFIG).is_file():
            # hidden ones are marks of what made the folder: Snakemake's is its age
            seen = (path for path in sorted(local.iterdir()) if not path.name.startswith("."))
            files = {path.name: path for path in seen}
            link_all(files, folder)
            if SOURCE not in files:
                write_json(folder / SOURCE, {"model": local.resolve().name, "revision": None})
        else:
            fetch_hub(job, folder)


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), fetch, argv)


if __name__ == "__main__":
    sys.exit(main())
