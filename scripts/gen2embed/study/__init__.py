"""What the rules know of a study: its runs, its paths, the jobs of its programs, their resources.

Snakemake is not imported here: a configuration in, names out.
"""
