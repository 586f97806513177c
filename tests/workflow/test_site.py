"""The site as `make site` builds it: pages in their order, whole, and nothing from elsewhere."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from browser import SCREENSHOTS, WIDTHS
from gen2embed.settings import load_schema
from workflow.conftest import ROOT

SITE = ROOT / ".site" / "html"
START = SITE / "docs" / "site" / "index.html"
ORDER = (
    "What is this", "Run it", "Read the results", "Own data", "The method", "Change X", "Cluster",
    "Reference",
)  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    """Every page's text by its path."""
    if not START.is_file():
        reason = "the site is not built: make site"
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return {path: path.read_text(encoding="utf-8") for path in sorted(SITE.rglob("*.html"))}


class Links(HTMLParser):
    """What a page refers to, and the names within it that may be referred to."""

    def __init__(self, text):
        super().__init__()
        self.leads, self.loads, self.names = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        if known.get("id"):
            self.names.add(known["id"])
        if tag == "a" and known.get("href"):
            self.leads.append(known["href"])
        elif tag == "link" and known.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(known["href"])
        elif known.get("src"):
            self.loads.append(known["src"])


def test_the_order_is_the_readers(pages):
    found = re.findall(r'class="caption-text">([^<]+)<', pages[START])
    assert tuple(dict.fromkeys(found)) == ORDER


def test_every_page_of_docs_is_in_it_once(pages):
    shown = re.findall(r'class="reference internal" href="([^"#]+)"', pages[START])
    named = [(START.parent / link).resolve() for link in shown]
    for page in ROOT.glob("docs/*.md"):
        assert (SITE / "docs" / f"{page.stem}.html").resolve() in named, page.name


def test_nothing_is_loaded_from_elsewhere_and_every_link_leads_somewhere(pages):
    known = {path.resolve(): Links(text) for path, text in pages.items()}
    for path, links in known.items():
        for address in links.loads:
            assert not re.match(r"(https?:)?//", address), (path.name, address)
        for address in [*links.leads, *links.loads]:
            if re.match(r"(https?:)?//|mailto:|data:", address):
                continue
            file, name = urldefrag(address)
            to = (path.parent / unquote(file).split("?")[0]).resolve() if file else path
            assert to.is_file(), (path.name, address)
            if name and to in known:
                assert unquote(name) in known[to].names, (path.name, address)
    for style in SITE.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_the_reference_holds_every_program_and_every_key(pages):
    programs = pages[SITE / "docs" / "site" / "reference" / "programs.html"]
    for path in (ROOT / "scripts").glob("*.py"):
        assert f"<h2>{path.stem}<" in programs, path.stem
    assert "--query-embeddings" in programs
    settings = pages[SITE / "docs" / "site" / "reference" / "configuration.html"]
    for rule in load_schema()["properties"].values():
        for key in rule.get("properties", {}):
            assert f'<span class="pre">{key}</span>' in settings, key


@pytest.mark.parametrize(
    "name", ["docs/site/index", "README", "docs/mini", "docs/site/reference/programs"]
)
def test_a_page_in_a_browser(pages, browser, name):
    """At both widths: no overflow, no error, no request but for files of the site."""
    path = SITE / f"{name}.html"
    assert path in pages
    for width_name, (width, height) in WIDTHS.items():
        browser.open(path, width, height)
        seen = browser.value(
            "({wide: document.documentElement.scrollWidth, room: innerWidth,"
            " broken: [...document.images].filter((i) => !i.complete || !i.naturalWidth).length})"
        )
        file = f"site_{Path(name).stem}_{width_name}.png"
        browser.screenshot(SCREENSHOTS / file, width, height)
        assert seen["wide"] <= seen["room"] and not seen["broken"], (name, width_name, seen)
        assert browser.faults() == []
        here = SITE.resolve().as_uri()
        elsewhere = [url for url in browser.requests() if not url.startswith((here, "data:"))]
        assert not elsewhere, elsewhere[:5]
