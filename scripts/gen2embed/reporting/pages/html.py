"""Small self-contained HTML pages: what the report and a browser show of a table."""

from __future__ import annotations

from html import escape

import pandas as pd

STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }
table { border-collapse: collapse; margin: 0 0 1.5em; }
caption { caption-side: top; text-align: left; max-width: 60em; padding: 0 0 .8em; }
th, td { padding: .25em .8em; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1px solid #222; }
tbody tr:nth-child(odd) { background: #f4f4f4; }
pre { background: #f4f4f4; padding: 1em; overflow-x: auto; }
"""


def page(title: str, body: str) -> str:
    """An HTML document that needs nothing from outside itself; ``body`` is HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def table(frame: pd.DataFrame, caption: str = "") -> str:
    """A frame as it is read, with its caption above; all text is escaped."""
    html = frame.to_html(index=False, border=0, na_rep="")
    heading = f"<caption>{escape(caption)}</caption>" if caption else ""
    return html.replace("<thead>", f"{heading}\n  <thead>", 1)
