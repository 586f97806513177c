"""The hub's real client against a hub on loopback: what it survives, and what we notice."""

import hashlib
import os

import pytest
from huggingface_hub import constants

from gen2embed.download.files_of_repository import matching
from gen2embed.download.hub import HubRepo
from gen2embed.download.transfer import FileFacts, Patience, receive
from gen2embed.download.web import WebFiles
from gen2embed.errors import InputError
from hub_server import HubServer, commit_of
from mmeb_layout import EVAL_REPO, TRAIN_REPO

ZIP = "images.zip"


@pytest.fixture
def repo(hub, tmp_path, hasty):
    return HubRepo(EVAL_REPO, "dataset", hasty, hub.url, tmp_path / "cache")


def fetch(repo, path=ZIP, count=int):
    commit = repo.revision("main")
    return repo.fetch(repo.files(commit)[path], commit, count)


def ranges(hub, path=ZIP):
    """Status and Range of the storage's answers."""
    return [
        (one.status, one.headers.get("Range")) for one in hub.asked(path) if one.server == "storage"
    ]


def test_main_is_resolved_and_all_pages_are_listed(hub, repo, published):
    commit = repo.revision("main")
    assert commit == commit_of(EVAL_REPO)
    files = repo.files(commit)
    there = {path for path in (published / EVAL_REPO).rglob("*") if path.is_file()}
    assert set(files) == {path.relative_to(published / EVAL_REPO).as_posix() for path in there}
    assert len(hub.asked(f"/tree/{commit}")) > 5
    content = (published / EVAL_REPO / ZIP).read_bytes()
    assert files[ZIP].size == len(content)
    assert files[ZIP].sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_is_fetched_once_and_kept_in_the_clients_cache(hub, repo, published):
    counted = []
    path = fetch(repo, count=counted.append)
    content = (published / EVAL_REPO / ZIP).read_bytes()
    assert path.read_bytes() == content and sum(counted) == len(content)
    assert path.is_relative_to(repo.cache) and "snapshots" in path.parts
    assert repo.is_here(repo.files(repo.revision("main"))[ZIP], repo.revision("main"))
    assert fetch(repo) == path and len(ranges(hub)) == 1
    assert not list(repo.folder.rglob("*.part*"))


def test_small_files_are_checked_by_their_git_digest(hub, repo):
    assert fetch(repo, "README.md").read_text() == f"# {EVAL_REPO}\n"
    with pytest.raises(InputError, match=r"README.md: its git SHA-1 is not the one announced, 3"):
        hub.faults["README.md"] = [("corrupt",)] * 3
        other = HubRepo(EVAL_REPO, "dataset", repo.patience, hub.url, repo.cache / "other")
        fetch(other, "README.md")


@pytest.mark.parametrize("fault", [("cut", 1000), ("stall", 1000, 3)], ids=["cut", "stall"])
def test_a_broken_connection_is_resumed_where_it_broke(hub, repo, fault):
    hub.faults[ZIP] = [None, fault]  # the hub's redirect, then the storage
    counted = []
    assert fetch(repo, count=counted.append).stat().st_size == sum(counted)
    assert ranges(hub) == [(200, None), (206, "bytes=1000-")]


def test_another_process_goes_on_where_one_stopped(hub, repo):
    hub.faults[ZIP] = [None, ("cut", 1000), ("status", 503)]
    repo.patience = Patience(1)
    with pytest.raises(InputError, match=r"images.zip: the server answered 503, 1 times; call ag"):
        fetch(repo)
    [part] = repo.folder.rglob("*.part")
    assert part.stat().st_size == 1000
    again = HubRepo(EVAL_REPO, "dataset", Patience(1), hub.url, repo.cache)
    counted = []
    assert fetch(again, count=counted.append).exists()
    assert counted[0] == 1000 and ranges(hub)[-1] == (206, "bytes=1000-")


def test_a_server_without_ranges_begins_anew(hub, repo, published):
    hub.faults[ZIP] = [None, ("cut", 1000), None, ("whole",)]
    counted = []
    path = fetch(repo, count=counted.append)
    assert path.read_bytes() == (published / EVAL_REPO / ZIP).read_bytes()
    assert sum(counted) == path.stat().st_size and min(counted) == -1000


def test_busy_servers_are_asked_again(hub, repo, caplog):
    hub.faults |= {
        "/revision/main": [("status", 503)],
        f"/tree/{commit_of(EVAL_REPO)}": [("status", 429, {"Retry-After": "0"})],
        ZIP: [("status", 503), None, ("status", 503)],
    }
    assert fetch(repo).exists()
    assert "images.zip: the server answered 503; try 2 of 3" in caplog.text


def test_a_spoilt_byte_is_noticed_and_fetched_again(hub, repo, published, caplog):
    hub.faults[ZIP] = [None, ("corrupt",)]
    assert fetch(repo).read_bytes() == (published / EVAL_REPO / ZIP).read_bytes()
    assert "its SHA-256 is not the one announced; try 2 of 3" in caplog.text


def test_a_file_that_stays_spoilt_is_one_line_and_no_file(hub, repo):
    hub.faults[ZIP] = [None, ("corrupt",)] * 3
    with pytest.raises(InputError, match=r"images.zip: its SHA-256 is not the one announced, 3 ti"):
        fetch(repo)
    assert not list(repo.folder.rglob("*.part")) and not list(repo.folder.rglob(ZIP))


def test_a_spoilt_file_in_the_cache_is_replaced(repo, published, caplog):
    path = fetch(repo)
    blob = path.resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    assert fetch(repo).read_bytes() == (published / EVAL_REPO / ZIP).read_bytes()
    assert "the cached file is spoilt" in caplog.text


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, repo, monkeypatch, caplog, capfd):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    hub.faults[ZIP] = [("status", 503), None, ("cut", 1000)]
    fetch(repo)
    by_server = {name: {one.headers.get("authorization", one.headers.get("Authorization"))
                        for one in hub.requests if one.server == name}
                 for name in ("hub", "storage")}  # fmt: skip
    assert by_server == {"hub": {"Bearer hf_verysecret"}, "storage": {None}}
    said = caplog.text + "".join(capfd.readouterr())
    assert "secret" not in said and "signature" not in said


def test_offline_mode_takes_what_is_there_and_asks_nobody(hub, repo, monkeypatch):
    path = fetch(repo)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert fetch(repo) == path
    with pytest.raises(InputError, match="at 123: it is not in the cache, and offline mode is on"):
        repo.revision("123")
    other = HubRepo(TRAIN_REPO, "dataset", repo.patience, hub.url, repo.cache)
    with pytest.raises(InputError, match="offline mode is on"):
        other.revision("main")
    assert not hub.requests


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        ("no/body", "main", "no/body at main: the hub has no such repository, or your token"),
        (EVAL_REPO, "nonesuch", "TIGER-Lab/MMEB-eval at nonesuch: the hub has no such revision"),
        (TRAIN_REPO, "main", "at main: its owner asks you to accept terms on its hub page"),
    ],
)
def test_what_does_not_pass_is_one_line_at_once(hub, tmp_path, hasty, name, revision, said):
    hub.gated.add(TRAIN_REPO)
    with pytest.raises(InputError) as error:
        HubRepo(name, "dataset", hasty, hub.url, tmp_path / "cache").revision(revision)
    assert said in str(error.value)
    assert len(hub.requests) == 1


@pytest.mark.usefixtures("hub")
def test_a_server_that_is_not_there(published, tmp_path, hasty):
    with HubServer(published) as gone:
        url = gone.url
    with pytest.raises(InputError, match="main: the hub cannot be reached, 3 times"):
        HubRepo(EVAL_REPO, "dataset", hasty, url, tmp_path / "cache").revision("main")


def test_a_full_disk_is_one_line(repo, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gen2embed.download.transfer.http_get", full)  # the disk's fault, not its
    with pytest.raises(InputError, match=r"images.zip: the disk is full; free some space"):
        fetch(repo)


@pytest.mark.usefixtures("hub")
def test_models_have_routes_of_their_own(tmp_path, hasty):
    folder = tmp_path / "some" / "model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(os.urandom(100))
    with HubServer(tmp_path) as server:
        model = HubRepo("some/model", "model", hasty, server.url, tmp_path / "cache")
        path = fetch(model, "model.safetensors")
    assert path.read_bytes() == (folder / "model.safetensors").read_bytes()
    assert "models--some--model" in path.parts


def test_plain_files_are_resumed_and_checked(hub, published, tmp_path, hasty):
    content = (published / "coco" / "val2017.zip").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = {"val2017.zip": FileFacts("val2017.zip", sha256=digest)}
    web = WebFiles("coco", f"{hub.url}/plain/coco/{{path}}", known, hasty, tmp_path)
    facts = web.files("2017")["val2017.zip"]
    assert facts.size == len(content) and not web.is_here(facts, "2017")
    hub.faults["val2017.zip"] = [("cut", 200), ("corrupt",)]
    path = web.fetch(facts, "2017", int)
    assert path.read_bytes() == content and web.is_here(facts, "2017")
    assert web.files("2017") == {"val2017.zip": facts}
    asked = len(hub.requests)
    assert web.fetch(facts, "2017", int) == path and len(hub.requests) == asked
    absent = {"nothing.zip": FileFacts("nothing.zip")}
    web = WebFiles("coco", f"{hub.url}/plain/coco/{{path}}", absent, hasty, tmp_path)
    with pytest.raises(InputError, match=r"coco: nothing.zip: the server answered 404; check the"):
        web.files("2017")


def test_a_part_that_is_too_long_is_begun_anew(hub, published, tmp_path, hasty):
    content = (published / "coco" / "val2017.zip").read_bytes()
    (tmp_path / "file.part").write_bytes(b"x" * (len(content) + 1))
    facts = FileFacts("file", len(content), hashlib.sha256(content).hexdigest())
    counted = []
    url = f"{hub.url}/plain/coco/val2017.zip"
    receive(url, tmp_path / "file", facts, "file", None, counted.append, hasty)
    assert (tmp_path / "file").read_bytes() == content and sum(counted) == len(content)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_patterns_stay_in_their_folder():
    files = dict.fromkeys(["a/x-1.parquet", "a/x-0.parquet", "a/b/x-2.parquet", "ab/x-0.parquet"])
    assert matching(files, "a/x-*.parquet", "r", "v") == ["a/x-0.parquet", "a/x-1.parquet"]
    with pytest.raises(InputError, match=r"r at v has no file c/x-\*.parquet"):
        matching(files, "c/x-*.parquet", "r", "v")
