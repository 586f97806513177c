# From Generator to Embedder (arXiv 2508.00955): the whole study, from data to figures.
# A table of contents; each stage's contract stands on top of its file in rules/.

from snakemake.utils import min_version, validate

min_version("9.27")


configfile: "config.yaml"


validate(config, "schemas/config.schema.yaml")


include: "rules/common.smk"
include: "rules/jobs.smk"
include: "rules/data.smk"
include: "rules/generator.smk"
include: "rules/embed.smk"
include: "rules/evaluate.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/report.smk"


localrules:
    all,
    data,
    generator,
    embed,
    evaluate,
    tables,
    figures,
    digest,


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
