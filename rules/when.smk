# When does SaHa pay? Runs that hide a share of the known equivalences, compared dose by dose
# (docs/when.md, configs/when.yaml; configs/when_gate.yaml asks whether the task can tell at all).
# in:  clusters/<strategy>-h<share>/, equivalences/, minimal_pairs/, scores/, grid/
# out: doses/h<share>.json: true false-negative rates of what was mined with so large a hidden share
#      tables/when_*, figures/when
# by:  measure_false_negatives.py, tabulate_when.py, plot_when.py

WHEN_TABLES, WHEN_FIGURES = [], []

if study.doses:

    DOSES = [study.paths.dose(hidden) for hidden in study.doses]
    if study.compares_doses:
        WHEN_TABLES = study.paths.tables(
            "when_scores", "when_differences", "when_mediators", "when_frontier"
        )
        WHEN_FIGURES = study.paths.figures("when")
    else:
        WHEN_TABLES = study.paths.tables("when_gate")

    rule when:
        input:
            WHEN_TABLES,
            WHEN_FIGURES,

    rule measure_doses:
        input:
            program("measure_false_negatives.py"),
            pairs=rules.prepare_items.output.pairs,
            known=study.revealed,
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

    rule tabulate_when:
        input:
            program("tabulate_when.py"),
            register=BENCHMARK.register,
            zero_shot=study.scores(ZERO_SHOT, study.run_prompts),
            tuned=FINAL_SCORES,
            doses=DOSES,
            grid=rules.measure_false_negatives.output.grid,
        output:
            reported(WHEN_TABLES),
        log:
            f"{RESULTS}/logs/tabulate_when.log",
        benchmark:
            f"{RESULTS}/benchmarks/tabulate_when.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            scores=subpath(first("tuned"), ancestor=3),
            strategies=study.dosed_strategies,
            hidden=[f"{hidden:g}" for hidden in study.doses],
            prompt=study.mine_prompt,
            seeds=config["train"]["seeds"],
            reports=lambda wildcards, input: flags(
                {"doses": str(Path(input.doses[0]).parent), "grid_rates": str(input.grid)}
                if study.compares_doses
                else {}
            ),
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/tabulate_when.py --register {input.register:q} --scores {params.scores:q}"
            " --strategies {params.strategies:q} --hidden {params.hidden:q} --prompt {params.prompt:q}"
            " --seeds {params.seeds:q} {params.reports:q} --out {params.out:q} > {log:q} 2>&1"

    if study.compares_doses:

        rule plot_when:
            input:
                program("plot_when.py"),
                scores=study.paths.data_of("when_scores"),
                differences=study.paths.data_of("when_differences"),
                frontier=study.paths.data_of("when_frontier"),
            output:
                reported(WHEN_FIGURES),
            log:
                f"{RESULTS}/logs/plot_when.log",
            benchmark:
                f"{RESULTS}/benchmarks/plot_when.tsv"
            conda:
                "../envs/reporting.yaml"
            resources:
                **study.resources.asks("small"),
            params:
                out=subpath(output[0], parent=True),
            shell:
                "python scripts/plot_when.py --scores {input.scores:q}"
                " --differences {input.differences:q} --frontier {input.frontier:q}"
                " --out {params.out:q} > {log:q} 2>&1"
