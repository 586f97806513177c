"""Resolve a lock with pip alone, downloading no package: some MB instead of some GB.

    python tests/resolve_lock.py > requirements-gpu.lock

pip reads of a package only what it requires, if the index offers that apart. Not every mirror does,
so a small index on the loopback stands between: it passes the configured index's pages on, offers
every wheel's metadata, and reads them from the wheel's end (an HTTP range).
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PIP = "26.3"  # the first to make dry runs of metadata alone is 23.3
PAGE = "application/vnd.pypi.simple.v1+json"
LARGEST = 5_000_000  # bytes of a file that is passed on: what builds the one source package
SOURCES = "connection_pool"  # has no wheel
REPLACED = {"faiss-cpu", "torch"}  # by requirements-gpu.in


class Ranges(io.RawIOBase):
    """A file on a server, read in ranges."""

    def __init__(self, url: str, size: int) -> None:
        self.url, self.size, self.at = url, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: bytearray) -> int:
        last = min(self.at + len(buffer), self.size) - 1
        if last < self.at:
            return 0
        asked = urllib.request.Request(self.url, headers={"Range": f"bytes={self.at}-{last}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            if answer.status != 206:
                raise OSError("the index reads no ranges")
            found = answer.read(len(buffer))
        buffer[: len(found)] = found
        self.at += len(found)
        return len(found)


def configured_index() -> str:
    """Where this machine's pip looks: its configuration's index, or its own default."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        text=True,
        capture_output=True,
    ).stdout.strip()
    if os.environ.get("PIP_INDEX_URL") or said:
        return (os.environ.get("PIP_INDEX_URL") or said).rstrip("/")
    from pip._internal.models.index import PyPI

    return PyPI.simple_url.rstrip("/")


class Index(BaseHTTPRequestHandler):
    upstream: str
    files: dict[str, tuple[str, int]]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.rstrip("/").rsplit("/", 1)[1]
        try:
            content, kind = self.content(name)
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            self.send_error(502, str(error))
        else:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def content(self, name: str) -> tuple[bytes, str]:
        if self.path.startswith("/simple/"):
            asked = urllib.request.Request(f"{self.upstream}/{name}/", headers={"Accept": PAGE})
            with urllib.request.urlopen(asked, timeout=60) as answer:
                page = json.load(answer)
            host, port = self.server.server_address[:2]
            for file in page["files"]:
                self.files[file["filename"]] = (file["url"], file["size"])
                file["url"] = f"http://{host}:{port}/files/{file['filename']}"
                file["core-metadata"] = file["filename"].endswith(".whl")
            return json.dumps(page).encode(), PAGE
        url, size = self.files[name.removesuffix(".metadata")]
        if name.endswith(".metadata"):
            wheel = zipfile.ZipFile(io.BufferedReader(Ranges(url, size), 1 << 16))
            (member,) = (
                one for one in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", one)
            )
            return wheel.read(member), "text/plain"
        if size > LARGEST:
            raise OSError(f"{name}: {size} bytes are not passed on")
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read(), "application/octet-stream"


@contextmanager
def index_of_metadata() -> Iterator[str]:
    """The address of an index that offers the configured one's files with their metadata."""
    handler = type("Index", (Index,), {"upstream": configured_index(), "files": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()


def resolved(requirements: list[str], folder: Path) -> dict[str, str]:
    """What pip would install into an empty environment: name -> version."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", f"pip=={PIP}"], check=True, stdout=sys.stderr)
    (folder / "in.txt").write_text("\n".join(requirements) + "\n")
    with index_of_metadata() as address:
        # the machine's configuration may add folders of wheels, such as a CPU build of torch
        plain = {name: value for name, value in os.environ.items() if name[:4] != "PIP_"}
        done = subprocess.run(
            [
                *(*pip, "install", "--dry-run", "--ignore-installed", "--no-cache-dir", "--quiet"),
                *("--only-binary", ":all:", "--no-binary", SOURCES, "--index-url", address),
                *("--report", folder / "report.json", "--requirement", folder / "in.txt"),
            ],
            env=plain | {"PIP_CONFIG_FILE": os.devnull},
            text=True,
            stdout=sys.stderr,
        )
    if done.returncode:
        raise SystemExit("pip found no solution (above)")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    found = (one["metadata"] for one in report["install"])
    return {one["name"]: one["version"] for one in found}


def lines_of(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def main() -> None:
    replacing = lines_of(ROOT / "requirements-gpu.in")
    kept = {
        canonicalize_name(line.split("==")[0]): line
        for line in lines_of(ROOT / "requirements.lock")
        if canonicalize_name(line.split("==")[0]) not in REPLACED
    }
    with tempfile.TemporaryDirectory() as folder:
        found = resolved([*kept.values(), *replacing], Path(folder))
    written = kept | {canonicalize_name(line.split("==")[0]): line for line in replacing}
    lines = [
        written.get(canonicalize_name(name), f"{name}=={version}")
        for name, version in found.items()
    ]
    print("\n".join(sorted(lines, key=str.lower)))


if __name__ == "__main__":
    main()
