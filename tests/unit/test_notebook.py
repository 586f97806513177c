"""docs/interface.ipynb: executed, with its pictures, and still to be executed."""

import ast
import contextlib
import io
import os
import tempfile
from importlib.util import find_spec

import nbformat
import pytest
from PIL import Image

from unit.backbones import save_backbone
from workflow.conftest import ROOT

PATH = ROOT / "docs" / "interface.ipynb"


@pytest.fixture(scope="module")
def book():
    made = nbformat.read(PATH, as_version=4)
    nbformat.validate(made)
    return made


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A tiny one of random weights in the place of the mini experiment's."""
    folder = tmp_path / "model"
    folder.mkdir()
    save_backbone("qwen2_vl", folder)
    monkeypatch.setenv("GEN2EMBED_MODEL", str(folder))
    return folder


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def kinds_of(cell):
    """What a reader sees of each output: printed lines, a picture, a table or a value."""
    found = []
    for output in cell.outputs:
        if output["output_type"] == "stream":
            if output["name"] == "stdout":  # bars of progress are not kept
                found.append("printed")
            continue
        kinds = ("image/png", "text/html", "text/plain")
        found.append(next(kind for kind in kinds if kind in output["data"]))
    return found


def test_it_was_executed_from_top_to_bottom(book):
    cells = code_cells(book)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [kind for cell in cells for kind in kinds_of(cell)]
    assert all(map(kinds_of, cells)) and kinds.count("image/png") == 2
    assert "text/html" in kinds and "printed" in kinds
    text = PATH.read_text(encoding="utf-8")
    assert str(ROOT) not in text and tempfile.gettempdir() not in text  # it tells no machine


def run_cell(source, names):
    """A cell as a notebook runs it: (printed, value of the last expression)."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)  # noqa: S102  the notebook's own
        value = None
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    return printed.getvalue(), value


@pytest.mark.usefixtures("model")
def test_its_cells_run_and_show_what_is_stored(book):
    """Here without Jupyter, on other weights: so the same kinds of output, not the same numbers."""
    names = {}
    for cell in code_cells(book):
        printed, value = run_cell(cell.source, names)
        found = ["printed"] * bool(printed)
        if isinstance(value, Image.Image):
            found.append("image/png")
        elif hasattr(value, "_repr_html_"):
            found.append("text/html")
        elif value is not None:
            found.append("text/plain")
        assert found == kinds_of(cell), cell.source
    assert names["queries"].shape == (24, names["embedder"].dim)
    assert len(names["clusters"]) >= 1 and names["scored"].chance == pytest.approx(1 / 12)


@pytest.mark.slow
@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("nbclient", "ipykernel")),
    reason="nbclient and ipykernel are not installed (pip install nbclient ipykernel)",
)
def test_jupyter_executes_it(book, model, monkeypatch):
    """In a kernel, a process of its own, which finds the package where it is not installed."""
    from nbclient import NotebookClient

    path = [str(ROOT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    again = nbformat.from_dict(book)
    NotebookClient(again, timeout=600, resources={"metadata": {"path": str(model)}}).execute()
    for old, new in zip(code_cells(book), code_cells(again), strict=True):
        assert kinds_of(old) == kinds_of(new)
