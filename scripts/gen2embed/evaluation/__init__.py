"""Precision@1 with ties as misses, chance, intervals, paired tests, aggregates over data sets."""
