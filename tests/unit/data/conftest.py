"""A small MMEB (once a session), and a hub that serves it."""

import shutil

import pytest
from huggingface_hub import constants

import mmeb_layout
from gen2embed.download.transfer import Patience
from hub_server import HubServer


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Do not change it: take ``mmeb`` for that."""
    return mmeb_layout.build(tmp_path_factory.mktemp("published"))


@pytest.fixture
def mmeb(published, tmp_path):
    """A copy to break."""
    return shutil.copytree(published, tmp_path / "published")


@pytest.fixture
def hub(published, monkeypatch):
    """The small MMEB served, whatever the environment says of offline mode; short timeouts."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)  # bytes at least that are kept
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 5)
    with HubServer(published) as server:
        yield server


@pytest.fixture
def hasty():
    return Patience(tries=3, wait=0.01)
