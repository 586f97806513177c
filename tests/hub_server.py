"""A hub on loopback: the routes, redirects and headers that the hub's client uses, and its faults.

Serves ``<root>/<repository>/...`` (tests/mmeb_layout.py) as data sets or models under ``url``, with
large files behind a redirect to a second address, as the real one has them in a storage; and plain
files under ``url/plain/``. ``faults[path ending]`` is a list of what goes wrong in turn with GET
requests of it: ("status", 503), ("status", 429, {"Retry-After": "1"}), ("cut", bytes),
("stall", bytes, seconds), ("corrupt",), ("whole",) (Range is ignored).
"""

import hashlib
import json
import threading
import time
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

Request = namedtuple("Request", "server method path headers status")
LARGE = (".parquet", ".zip", ".safetensors", ".bin")
PAGE = 7  # entries of a listing; the real hub has 1000


def commit_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


class HubServer:
    """Two servers in threads; ``requests`` is the list of what they were asked."""

    def __init__(self, root):
        self.root, self.requests, self.faults = Path(root), [], {}
        self.commits = {}  # by repository: what main is
        self.gated = set()
        self.hub = ThreadingHTTPServer(("127.0.0.1", 0), self._handler("hub"))
        self.storage = ThreadingHTTPServer(("127.0.0.1", 0), self._handler("storage"))
        self.url = f"http://127.0.0.1:{self.hub.server_address[1]}"
        self.storage_url = f"http://127.0.0.1:{self.storage.server_address[1]}"

    def __enter__(self):
        for server in (self.hub, self.storage):
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.hub, self.storage):
            server.shutdown()
            server.server_close()

    def asked(self, ending, method="GET"):
        """Requests whose path ends like this."""
        return [one for one in self.requests if one.path.endswith(ending) and one.method == method]

    def commit(self, repo):
        return self.commits.get(repo, commit_of(repo))

    def _handler(self, name):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                hub._answer(self, name)

            def do_HEAD(self):
                hub._answer(self, name)

        return Handler

    def _answer(self, request, name):
        path = unquote(urlsplit(request.path).path)
        fault = self._fault(path) if request.command == "GET" else None
        if fault and fault[0] == "status":
            headers = fault[2] if len(fault) > 2 else {}
            return self._send(request, name, path, fault[1], headers, b"not now")
        if name == "storage":
            file = self.root / path.removeprefix("/lfs/")
            return self._send_file(request, name, path, file, {}, fault)
        parts = path.strip("/").split("/")
        if parts[0] == "plain":
            file = self.root.joinpath(*parts[1:])
            if not file.is_file():  # <owner>/<repository>/<revision>/<path>
                file = self.root.joinpath(*parts[1:3], *parts[4:])
            return self._send_file(request, name, path, file, {}, fault)
        if parts[0] == "api":
            return self._send_api(request, name, path, parts[2:])
        if parts[0] == "datasets":
            parts = parts[1:]
        repo, what = "/".join(parts[:2]), parts[2] if len(parts) > 2 else ""
        if what != "resolve":
            return self._send(request, name, path, 404, {}, b"")
        return self._resolve(request, name, path, repo, parts[3], "/".join(parts[4:]), fault)

    def _fault(self, path):
        for ending, faults in self.faults.items():
            if path.endswith(ending) and faults:
                return faults.pop(0)
        return None

    def _refused(self, request, name, path, repo, revision):
        """An error answer for a repository or revision that is not there; None if they are."""
        code = None
        if not (self.root / repo).is_dir():
            code = "RepoNotFound"
        elif repo in self.gated:
            code = "GatedRepo"
        elif revision not in ("main", self.commit(repo)):
            code = "RevisionNotFound"
        if code:
            status = 403 if code == "GatedRepo" else 404
            self._send(request, name, path, status, {"X-Error-Code": code}, b"{}")
        return code

    def _send_api(self, request, name, path, parts):
        """/api/datasets/<repository>[/revision/<revision>], .../tree/<revision>."""
        repo, rest = "/".join(parts[:2]), parts[2:]
        revision = rest[1] if len(rest) > 1 else "main"
        if self._refused(request, name, path, repo, revision):
            return
        if rest and rest[0] == "tree":
            return self._send_tree(request, name, path, repo)
        info = {"_id": "0", "id": repo, "sha": self.commit(repo), "siblings": [], "tags": []}
        self._send_json(request, name, path, {**info, "private": False, "downloads": 0})

    def _send_tree(self, request, name, path, repo):
        query = parse_qs(urlsplit(request.path).query)
        start = int(query.get("cursor", ["0"])[0])
        listed = []
        for file in sorted((self.root / repo).rglob("*")):
            entry = {"path": file.relative_to(self.root / repo).as_posix()}
            if file.is_dir():
                entry |= {"type": "directory", "oid": "0" * 40, "size": 0}
            else:
                content = file.read_bytes()
                entry |= {"type": "file", "oid": git_sha1(content), "size": len(content)}
                if file.suffix in LARGE:
                    sha256 = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
            listed.append(entry)
        headers = {}
        if start + PAGE < len(listed):
            address = f"{self.url}{quote(path)}?recursive=True&cursor={start + PAGE}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._send_json(request, name, path, listed[start : start + PAGE], headers)

    def _resolve(self, request, name, path, repo, revision, file_path, fault):
        if self._refused(request, name, path, repo, revision):
            return
        file = self.root / repo / file_path
        headers = {"X-Repo-Commit": self.commit(repo)}
        if not file.is_file():
            headers["X-Error-Code"] = "EntryNotFound"
            return self._send(request, name, path, 404, headers, b"")
        content = file.read_bytes()
        if file.suffix in LARGE:
            headers["X-Linked-Size"] = str(len(content))
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            place = quote(file.relative_to(self.root).as_posix())
            headers["Location"] = f"{self.storage_url}/lfs/{place}?signature=secret"
            return self._send(request, name, path, 302, headers, b"")
        headers["ETag"] = f'"{git_sha1(content)}"'
        self._send_file(request, name, path, file, headers, fault)

    def _send_file(self, request, name, path, file, headers, fault):
        if not file.is_file():
            return self._send(request, name, path, 404, {}, b"")
        content, status, start = file.read_bytes(), 200, 0
        said = request.headers.get("Range")
        if said and not (fault and fault[0] == "whole"):
            start = int(said.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status = 206
        if fault and fault[0] == "corrupt":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._send(request, name, path, status, headers, content[start:], fault)

    def _send_json(self, request, name, path, value, headers=None):
        headers = {"Content-Type": "application/json", **(headers or {})}
        self._send(request, name, path, 200, headers, json.dumps(value).encode())

    def _send(self, request, name, path, status, headers, content, fault=None):
        seen = Request(name, request.command, path, dict(request.headers), status)
        self.requests.append(seen)
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if fault and fault[0] in ("cut", "stall"):
            request.wfile.write(content[: fault[1]])
            request.wfile.flush()
            if fault[0] == "stall":
                time.sleep(fault[2])
            request.close_connection = True
            return
        request.wfile.write(content)


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
