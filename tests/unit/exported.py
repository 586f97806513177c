"""A tiny random model's folder and what is exported of it."""

import export_model


def save_and_export(save, kind, model, out):
    """``save``: writes a model of ``kind`` into a folder, as ``save_text_model`` does."""
    model.mkdir()
    save(kind, model)
    flags = ["--resolution", "native", "--max-tokens", "999", "--dtype", "fp32", "--no-check"]
    named = ["--model", str(model), "--prompt", "hierarchical"]
    assert export_model.main([*named, *flags, "--out", str(out)]) == 0
