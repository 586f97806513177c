# When does SaHa pay? Runs that hide a share of the known equivalences, compared dose by dose
# (docs/when.md, configs/when.yaml).
# in:  clusters/<strategy>-h<share>/, equivalences/, minimal_pairs/, scores/, grid/
# out: doses/h<share>.json: true false-negative rates of what was mined with so large a hidden share
# by:  measure_false_negatives.py

WHEN = []

if study.doses:

    DOSES = [study.paths.dose(hidden) for hidden in study.doses]
    WHEN = [
        DOSES,
        rules.measure_false_negatives.output.grid,
        study.scores(ZERO_SHOT, study.run_prompts),
        FINAL_SCORES,
    ]

    rule when:
        input:
            WHEN,

    rule measure_doses:
        input:
            program("measure_false_negatives.py"),
            pairs=rules.prepare_items.output.pairs,
            known=study.told,
            minimal=study.minimal_pairs,
            clusters=clusters_of(study.dosed_clusters, "parquet"),
        output:
            DOSES,
            [study.paths.dose(hidden, "csv") for hidden in study.doses],
        log:
            f"{RESULTS}/logs/measure_doses.log",
        benchmark:
            f"{RESULTS}/benchmarks/measure_doses.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **study.resources.asks("score"),
        params:
            jobs=lambda wildcards: jobs.measuring_doses(),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/measure_false_negatives.py --job-list {log:q}.jobs.json"
            " > {log:q} 2>&1"
