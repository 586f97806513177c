# From Generator to Embedder (arXiv 2508.00955): the whole study, from data to figures.
# A table of contents; each stage's contract stands on top of its file in rules/.

import re
import sys

import yaml
from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, f"{workflow.basedir}/scripts")

from gen2embed.machine.driver import check_driver
from gen2embed.errors import InputError
from gen2embed.machine.local_gpus import check_local_gpus
from gen2embed.command_line import or_exit
from gen2embed.study.configuration import check_configuration, take_base
from gen2embed.study.jobs import Jobs
from gen2embed.study.layout import SIDES, Layout
from gen2embed.study.runs import ZERO_SHOT
from gen2embed.study.study import Study


configfile: "config.yaml"


for shared in or_exit(take_base, config):

    configfile: shared


config.pop("base", None)  # laid again with every file


report: "docs/report.rst"


or_exit(check_configuration, config, f"{workflow.basedir}/schemas/config.schema.yaml")
study = Study(config)
jobs = Jobs(study)


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/generator.smk"
include: "rules/mine.smk"
include: "rules/train.smk"
include: "rules/embed.smk"
include: "rules/evaluate.smk"
include: "rules/composition.smk"
include: "rules/export.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/when.smk"
include: "rules/report.smk"


localrules:
    all,
    data,
    generator,
    embed,
    mine,
    grid,
    train,
    evaluate,
    export,
    tables,
    precisions,
    figures,
    report,
    plan,
    digest,
    publish,
    write_configuration,
    write_provenance,
    write_report,


# where runs hide a share of the known equivalences, the doses are compared and nothing else is shown
STUDIED = [
    rules.evaluate.input,
    rules.tables.input,
    rules.figures.input,
    rules.report.input,
]
if study.doses:
    STUDIED = [WHEN_TABLES, WHEN_FIGURES, rules.report.input]


rule all:
    default_target: True
    input:
        STUDIED,
