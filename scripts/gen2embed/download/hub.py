"""A repository of the Hugging Face hub, through the hub's own client and into its own cache.

HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN are the client's and hold here.
"""

from __future__ import annotations

import logging
from pathlib import Path

from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers, disable_progress_bars

from gen2embed.download.files_of_repository import Count
from gen2embed.download.transfer import FileFacts, Patience, fault_of, receive, retried
from gen2embed.errors import InputError

log = logging.getLogger(__name__)


class HubRepo:
    """A repository of the Hugging Face hub, kept in the hub client's own cache (HF_HOME)."""

    def __init__(
        self,
        repo: str,
        repo_type: str,
        patience: Patience | None = None,
        endpoint: str | None = None,
        cache: Path | None = None,
    ):
        self.repo, self.repo_type = repo, repo_type
        self.patience = patience or Patience()
        self.api = HfApi(endpoint=endpoint)
        self.cache = Path(cache or constants.HF_HUB_CACHE)
        disable_progress_bars()  # ours counts all files together

    @property
    def folder(self) -> Path:
        return self.cache / repo_folder_name(repo_id=self.repo, repo_type=self.repo_type)

    def revision(self, asked: str) -> str:
        def resolve() -> str:
            found = self.api.resolve_revision(
                self.repo, repo_type=self.repo_type, revision=asked, cache_dir=self.cache
            )
            return found.resolved

        return retried(resolve, f"{self.repo} at {asked}", self.patience)

    def files(self, revision: str) -> dict[str, FileFacts]:
        if constants.is_offline_mode():
            return self._cached_files(revision)

        def listing() -> list[RepoFile]:
            tree = self.api.list_repo_tree(
                self.repo, repo_type=self.repo_type, revision=revision, recursive=True
            )
            return [entry for entry in tree if isinstance(entry, RepoFile)]

        found = retried(listing, f"{self.repo} at {revision}", self.patience)
        facts = [
            FileFacts(
                entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id
            )
            for entry in found
        ]
        return {entry.path: entry for entry in sorted(facts, key=lambda entry: entry.path)}

    def _cached_files(self, revision: str) -> dict[str, FileFacts]:
        """The files of the revision's snapshot; the name of a blob is its digest."""
        root = self.folder / "snapshots" / revision
        facts = {}
        for path in sorted(root.rglob("*")):
            if path.is_file():
                name, blob = path.relative_to(root).as_posix(), path.resolve().name
                sha256 = blob if len(blob) == 64 else None
                facts[name] = FileFacts(name, path.stat().st_size, sha256)
        return facts

    def _cached(self, facts: FileFacts, revision: str) -> Path | None:
        found = try_to_load_from_cache(
            self.repo, facts.path, self.cache, revision, repo_type=self.repo_type
        )
        return Path(found) if isinstance(found, str) else None

    def is_here(self, facts: FileFacts, revision: str) -> bool:
        cached = self._cached(facts, revision)
        return cached is not None and cached.stat().st_size == facts.size

    def fetch(self, facts: FileFacts, revision: str, count: Count) -> Path:
        what = f"{self.repo}: {facts.path}"
        cached = self._cached(facts, revision)
        if cached is not None:
            fault = fault_of(cached, facts)
            if fault is None:
                count(facts.size or 0)
                return cached
            if constants.is_offline_mode():
                raise InputError(f"{cached}: {fault}; remove it and fetch it with a network")
            log.warning(f"{what}: the cached file is spoilt ({fault}); it is fetched again")
            cached.resolve().unlink(missing_ok=True)
            cached.unlink(missing_ok=True)
        endpoint = self.api.endpoint
        url = hf_hub_url(
            self.repo, facts.path, repo_type=self.repo_type, revision=revision, endpoint=endpoint
        )
        remote = retried(lambda: get_hf_file_metadata(url, endpoint=endpoint), what, self.patience)
        if facts.sha256 not in (None, remote.etag) or not remote.etag:
            raise InputError(
                f"{what}: the server announces another file than the listing; check HF_ENDPOINT"
            )
        blob = self.folder / "blobs" / remote.etag
        receive(url, blob, facts, what, build_hf_headers(), count, self.patience)
        kept = retried(  # the file is there: the client only gives it its name in the cache
            lambda: hf_hub_download(
                self.repo,
                facts.path,
                repo_type=self.repo_type,
                revision=revision,
                cache_dir=self.cache,
                endpoint=endpoint,
            ),
            what,
            self.patience,
        )
        return Path(kept)
