"""Self-aware hard negative sampling (SaHa): search, owners, strategies, clusters, statistics.

Data flows ``subset`` -> ``search`` (steps 0, 1) -> ``owners`` (step 2) -> ``strategies`` (step 3)
-> ``saha`` (step 4, both passes) -> ``clusters`` and ``statistics``; ``mine`` ties them together.
Nothing here imports torch, and nothing but ``false_negatives`` ever sees known equivalences.
"""
