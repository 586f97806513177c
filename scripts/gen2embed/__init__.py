"""From Generator to Embedder, as a library: data, models, mining, training, evaluation, reporting.

Nothing here imports snakemake or reads config.yaml: values arrive as arguments. torch is imported
only below ``models`` and ``training``.
"""

__version__ = "0.1.0"
