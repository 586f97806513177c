"""A local folder in a repository's layout, for computers without a network."""

from __future__ import annotations

import os
from pathlib import Path

from gen2embed.below import is_below
from gen2embed.download.files_of_repository import UNKNOWN, Count
from gen2embed.download.transfer import FileFacts
from gen2embed.errors import InputError
from gen2embed.text_files import check_file, read_text

LFS_POINTER = b"version https://git-lfs.github.com/spec"


class LocalFolder:
    """A folder in a repository's layout: ``<root>/<repo>/...``, as `hf download` or git make it."""

    def __init__(self, repo: str, root: Path):
        self.repo, self.folder = repo, Path(root) / repo
        if not is_below(repo):
            raise InputError(f"{repo!r}: is no name of a repository, such as OWNER/NAME")
        if not self.folder.is_dir():
            raise InputError(
                f"{self.folder}: no such folder; --source holds the repositories by their names, "
                f"such as {root}/{repo}/"
            )

    def revision(self, asked: str) -> str:
        """The commit that `hf download --local-dir` wrote down; "local" where it is not known."""
        notes = self.folder / ".cache" / "huggingface" / "download"
        commits = {read_text(note).split("\n", 1)[0].strip() for note in notes.rglob("*.metadata")}
        if len(commits) > 1:
            raise InputError(
                f"{self.folder}: holds files of {len(commits)} revisions "
                f"({', '.join(sorted(commits))}); download one of them whole"
            )
        return commits.pop() if commits else UNKNOWN

    def files(self, revision: str) -> dict[str, FileFacts]:
        facts = {}
        for folder, subfolders, names in os.walk(self.folder, followlinks=True):
            subfolders[:] = sorted(set(subfolders) - {".cache", ".git"})
            for name in sorted(names):
                path = Path(folder, name)
                key = path.relative_to(self.folder).as_posix()
                facts[key] = FileFacts(key, path.stat().st_size)
        return facts

    def is_here(self, facts: FileFacts, revision: str) -> bool:
        return True

    def fetch(self, facts: FileFacts, revision: str, count: Count) -> Path:
        path = self.folder / facts.path
        check_file(path)
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise InputError(f"{path}: is a git-lfs pointer, not the file; run git lfs pull")
        count(facts.size or 0)
        return path
