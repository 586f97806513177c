"""A headless Chromium driven through its own pipe (DevTools protocol): a page as a reader sees it.

The protocol goes over two file descriptors, so no client library and no port is needed.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
SCREENSHOTS = Path(__file__).resolve().parents[1] / ".screenshots"
TALLEST = 16_000  # pixels of a screenshot
SECONDS = 60  # that an answer may take on a busy machine

LOOK = """(() => {
  const wide = document.documentElement.scrollWidth, room = document.documentElement.clientWidth;
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const links = [...document.querySelectorAll("a[href]")].map((one) => one.getAttribute("href"));
  const images = [...document.images];
  const out = [...document.body.querySelectorAll("*")].filter((one) => {
    if (one.closest(".scroll, pre, .slot, svg, .md-typeset__scrollwrap, [hidden]")) return false;
    const box = one.getBoundingClientRect();
    return box.width > 0 && box.right > room + 1 && getComputedStyle(one).position !== "fixed";
  }).map((one) => `${one.tagName}#${one.id}.${one.className}`);
  return {wide, room, links, out: out.slice(0, 5),
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    broken: images.filter((one) => !one.complete || one.naturalWidth === 0).map((one) => one.alt),
    missing: links.filter((link) => link.startsWith("#") && link.length > 1
      && !document.getElementById(decodeURIComponent(link.slice(1)))),
    high: document.documentElement.scrollHeight};
})()"""


class Browser:
    """One page of a headless Chromium; ``close`` ends it."""

    def __init__(self, program: str, profile: Path):
        ours, theirs = os.pipe(), os.pipe()  # we read, it writes; it reads, we write
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-extensions", "--disable-background-networking",
            "--hide-scrollbars", "--allow-file-access-from-files", f"--user-data-dir={profile}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        started = f'exec "$@" 3<&{theirs[0]} 4>&{ours[1]} 2>/dev/null'
        self.process = subprocess.Popen(
            ["bash", "-c", started, "browser", program, *options],
            pass_fds=(theirs[0], ours[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(theirs[0])
        os.close(ours[1])
        self.read_from, self.write_to = ours[0], theirs[1]
        self.buffer, self.number, self.events = b"", 0, []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """One command and its answer; events that come meanwhile are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _next(self, seconds=SECONDS):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read_from], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            chunk = os.read(self.read_from, 1 << 20)
            assert chunk, f"the browser ended: {self.process.poll()}"
            self.buffer += chunk
        first, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(first)

    def open(self, path, width, height):
        """Load a file at a size of the window; events are counted from here."""
        self.events = []
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=False,
        )  # fmt: skip
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, script):
        """What an expression of the page's script is."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def faults(self):
        """Script errors, complaints of the console, and what was asked for elsewhere."""
        found = []
        for event in self.events:
            name, facts = event.get("method"), event.get("params", {})
            if name == "Runtime.exceptionThrown":
                found.append(facts["exceptionDetails"]["text"])
            elif name == "Log.entryAdded" and facts["entry"]["level"] == "error":
                found.append(facts["entry"]["text"])
            elif name == "Runtime.consoleAPICalled" and facts["type"] == "error":
                found.append(str(facts["args"]))
        return found

    def requests(self):
        events = (event for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in events]

    def screenshot(self, path, width, height):
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}
        answer = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=SECONDS)
        os.close(self.read_from)
        os.close(self.write_to)


def start_browser(profile):
    """A browser, or a skipped test that says why; BROWSER_TESTS=required makes that a failure."""
    program = next((found for found in map(shutil.which, NAMES) if found), None)
    if program is None:
        reason = f"no browser on PATH ({', '.join(NAMES)}): apt-get install chromium"
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return Browser(program, profile)


def check_page(browser, path, screenshots, whole=True):
    """A page at both widths: no overflow, links and images whole, no request, no error.

    Screenshots of its first screen, and of the whole page, are kept beside the name given.
    """
    for name, (width, height) in WIDTHS.items():
        browser.open(path, width, height)
        seen = browser.value(LOOK)
        screenshot = screenshots.with_name(f"{screenshots.name}_{name}.png")
        browser.screenshot(screenshot, width, height)
        if whole:
            browser.screenshot(
                screenshots.with_name(f"{screenshots.name}_{name}_whole.png"), width, seen["high"]
            )
        assert seen["wide"] <= seen["room"] and not seen["out"], (name, seen["out"])
        assert not seen["missing"] and not seen["twice"] and not seen["broken"], seen
        assert browser.faults() == [], name
        address = Path(path).resolve().as_uri()
        elsewhere = [url for url in browser.requests() if not url.startswith((address, "data:"))]
        assert not elsewhere, elsewhere[:5]
        for link in seen["links"]:
            assert link.startswith(("#", "data:")), link
