"""docs/change.md followed: a strategy, a table, an evaluation set, each planned by Snakemake."""

import csv

import yaml

CI = ("--configfile", "configs/ci.yaml")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: the recipe's place is not there: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def planned_with_commands(project, *arguments):
    return project.snakemake("-n", "-p", *arguments)


def test_a_strategy(project):
    library = project.folder / "scripts" / "gen2embed" / "mining" / "strategies.py"
    edit(
        library,
        "STRATEGIES = {",
        'def easiest(candidates, settings):\n    """The last one alone."""\n'
        "    return np.arange(len(candidates))[-1:]\n\n\nSTRATEGIES = {",
    )
    last = '        Strategy("in_batch", in_batch'
    edit(library, last, f'        Strategy("easiest", easiest, SEARCH, "ours"),\n{last}')
    edit(
        project.folder / "schemas" / "config.schema.yaml",
        "strategy: {enum: [",
        "strategy: {enum: [easiest, ",
    )
    run = {"strategy": "easiest", "prompt": "hierarchical"}
    overlay = {"mine": {"strategies": ["easiest"]}, "train": {"runs": [run]}}
    (project.folder / "mine.yaml").write_text(yaml.safe_dump(overlay))
    output = planned_with_commands(project, *CI, "mine.yaml", "--", "all")
    for path in ("clusters/easiest/Flag.parquet", "adapters/easiest_seed0/hierarchical"):
        assert f"results/ci/{path}" in output


def test_a_table(project):
    (project.folder / "scripts" / "tabulate_new.py").write_text('"""A new table."""\n')
    rules = project.folder / "rules" / "tables.smk"
    edit(
        rules,
        "        DOCTOR,\n        COST,\n",
        '        study.paths.tables("new"),\n        COST,\n',
    )
    rule = """

rule tabulate_new:
    input:
        program("tabulate_new.py"),
    output:
        reported(study.paths.tables("new")),
    log:
        f"{RESULTS}/logs/tabulate_new.log",
    conda:
        "../envs/reporting.yaml"
    params:
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_new.py --out {params.out:q} > {log:q} 2>&1"
"""
    rules.write_text(rules.read_text() + rule)
    assert project.planned(*CI, "--", "tables")["tabulate_new"] == 1


def test_an_evaluation_set(project):
    register = project.folder / "scripts" / "gen2embed" / "data" / "datasets_mini.csv"
    with register.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    line = next(row for row in rows if row[0] == "eval")
    rows.append([line[0], "Again", *line[2:]])
    with register.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    output = planned_with_commands(project, *CI, "--", "evaluate")
    for path in ("rows/Again.parquet", "scores/base/plain/Again.json"):
        assert f"results/ci/{path}" in output
