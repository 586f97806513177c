"""Files of a plain web server, named one by one; kept below HF_HOME/gen2embed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import hf_raise_for_status, http_backoff

from gen2embed.download.files_of_repository import Count
from gen2embed.download.transfer import FileFacts, Patience, fault_of, receive, retried

log = logging.getLogger(__name__)
AS_IT_IS = {"Accept-Encoding": "identity"}  # lengths are those of the file


class WebFiles:
    """What a server has of one repository (docs/data.md: SugarCrepe's rows, COCO's images)."""

    def __init__(
        self,
        repo: str,
        source: str,
        known: Mapping[str, FileFacts],
        patience: Patience | None = None,
        cache: Path | None = None,
    ):
        """source: the address with {repo}, {revision}, {path}; known: the files that there are."""
        self.repo, self.source, self.known = repo, source, known
        self.patience = patience or Patience()
        self.cache = Path(cache or Path(constants.HF_HOME) / "gen2embed")

    def revision(self, asked: str) -> str:
        """As asked: what the server has today is told by digests alone (revisions.py)."""
        return asked

    def files(self, revision: str) -> dict[str, FileFacts]:
        return {path: self._sized(facts, revision) for path, facts in self.known.items()}

    def _sized(self, facts: FileFacts, revision: str) -> FileFacts:
        if self._cached(facts, revision).exists():
            size = self._cached(facts, revision).stat().st_size
        else:

            def ask() -> int | None:
                url = self._url(facts, revision)
                answer = http_backoff(
                    "HEAD", url, follow_redirects=True, timeout=constants.HF_HUB_ETAG_TIMEOUT,
                    headers=AS_IT_IS, max_retries=0,
                )  # fmt: skip
                hf_raise_for_status(answer)
                length = answer.headers.get("Content-Length", "")
                return int(length) if length.isdigit() else None

            size = retried(ask, f"{self.repo}: {facts.path}", self.patience)
        return FileFacts(facts.path, size, facts.sha256)

    def _url(self, facts: FileFacts, revision: str) -> str:
        return self.source.format(repo=self.repo, revision=revision, path=facts.path)

    def _cached(self, facts: FileFacts, revision: str) -> Path:
        return self.cache / self.repo / revision.replace(":", "-") / facts.path

    def is_here(self, facts: FileFacts, revision: str) -> bool:
        return self._cached(facts, revision).exists()

    def fetch(self, facts: FileFacts, revision: str, count: Count) -> Path:
        target, what = self._cached(facts, revision), f"{self.repo}: {facts.path}"
        if target.exists():
            fault = fault_of(target, facts)
            if fault is None:
                count(facts.size or 0)
                return target
            log.warning(f"{what}: the kept file is spoilt ({fault}); it is fetched again")
            target.unlink()
        receive(self._url(facts, revision), target, facts, what, AS_IT_IS, count, self.patience)
        return target
