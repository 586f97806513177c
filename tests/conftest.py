"""How tests are shared out over workers (pytest-xdist): a file's tests stay together.

Files that share an expensive fixture stay together, too, and come first, so that no worker ends
late.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# before torch and FAISS are imported: threads that wait in turns make two workers ten times slower
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# a busy machine is no fault: no drawn example has a time to keep
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

TOGETHER = {
    "finished": (
        "workflow/test_end_to_end.py",
        "workflow/test_paper.py",
        "workflow/test_killed.py",
        "workflow/test_full_disk.py",
        "workflow/test_conda.py",
    ),
    "slurm": ("workflow/test_slurm.py", "workflow/test_slurm_nodes.py"),
}

LONG = ("tests/workflow", "tests/unit/training", "tests/unit/data")  # files that take a minute


def group_of(nodeid: str) -> str:
    """The group of a test: of files that share a fixture of minutes, else its file."""
    file = nodeid.split("::")[0]
    return next((name for name, files in TOGETHER.items() if file.endswith(files)), file)


def rank(item: pytest.Item) -> int:
    """0 for what runs first; other files keep their order, long ones before short ones."""
    group = group_of(item.nodeid)
    if group in TOGETHER:
        return list(TOGETHER).index(group)
    return len(TOGETHER) + (not group.startswith(LONG))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: whole groups, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless browser, or a skipped test that says why (tests/browser.py)."""
    from browser import start_browser

    started = start_browser(tmp_path_factory.mktemp("browser"))
    yield started
    started.close()
