"""The site (make site): README.md and docs/ as static pages that need no network."""

from pygments.lexers.special import TextLexer

project = "gen2embed"
html_title = "gen2embed: From Generator to Embedder"
extensions = ["myst_parser"]
root_doc = "docs/site/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/site/*.md",
    "docs/site/reference/*.md",
    "paper_figures/README.md",
    "paper_figures/*/README.md",
]
exclude_patterns = ["results", ".git", ".venv", ".site", ".snakemake"]
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
html_theme = "furo"
smartquotes = False
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": False}
html_static_path = ["static"]
html_css_files = ["site.css"]


def setup(app):
    app.add_lexer("mermaid", TextLexer)  # graphs stand as text: no script draws them
