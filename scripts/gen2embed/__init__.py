"""From Generator to Embedder, as a library: data, models, mining, training, evaluation, reporting.

Nothing here imports snakemake or reads config.yaml: values arrive as arguments. torch is imported
only below ``models`` and ``training``.
"""

__version__ = "0.1.0"
__all__ = ["Embedder", "InputError", "Score", "mine", "score"]
_PLACES = {  # relative, as no program depends on them
    "Embedder": ".models.embedder",
    "InputError": ".errors",
    "Score": ".interface",
    "mine": ".interface",
    "score": ".interface",
}


def __getattr__(name: str) -> object:
    """The interface's names, each imported when it is asked for: torch with Embedder alone."""
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
