# Mining: clusters of mutually hard pairs, per strategy and training subset, from zero-shot vectors.
# in:  pairs/<subset>.parquet, embeddings/base/<mine.prompt>/train_<side>.npy
# out: clusters/<strategy>/<subset>.parquet with its statistics as .json; false_negatives/
# by:  mine_negatives.py, measure_false_negatives.py (the report on known equivalences)
#      worked/saha.parquet: one anchor's mining step by step (trace_anchor.py), for a figure
# Every k and m of mine.grid is mined besides: grid/, tables/grid.* (tables.smk)
# Only the mini benchmark knows its equivalences: false negatives and the grid are its alone. With
# mining_from the clusters are another experiment's, and nothing is mined here.

RATES = study.paths.false_negatives([*study.train_sets, "all"]) if study.knows_equivalences else []


rule mine:
    input:
        clusters_of([*study.strategies, *study.mined_apart]),
        RATES,


if study.mines:

    rule mine_negatives:
        input:
            program("mine_negatives.py"),
            **study.mining_vectors,
            pairs=rules.prepare_items.output.pairs,
            revealed=study.revealed,
            further=study.further,
            judged=study.judged,
        output:
            **{
                re.sub("[-.]", "_", f"{of}_{name}_{what}"): study.paths.clusters(
                    [of], [name], what
                )[0]
                for of in [*study.strategies, *study.mined_apart]
                for name in study.train_sets
                for what in ("parquet", "json")
            },
        log:
            f"{RESULTS}/logs/mine_negatives.log",
        # see the rule train_generator for why there is no benchmark
        cache: True
        conda:
            MINING_ENV
        resources:
            **study.resources.asks("mine"),
        params:
            jobs=lambda wildcards: jobs.mining(),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/mine_negatives.py --job-list {log:q}.jobs.json > {log:q} 2>&1"


if study.works_saha:

    rule trace_anchor:
        input:
            program("trace_anchor.py"),
            **study.mining_vectors,
            pairs=rules.prepare_items.output.pairs,
            known=(
                study.paths.equivalences("train", study.train_sets)
                if study.knows_equivalences
                else []
            ),
            clusters=clusters_of(["saha"], "parquet"),
            statistics=clusters_of(["saha"], "json"),
        output:
            study.paths.worked,
        log:
            f"{RESULTS}/logs/trace_anchor.log",
        benchmark:
            f"{RESULTS}/benchmarks/trace_anchor.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            clusters=subpath(first("clusters"), ancestor=2),
            known=lambda wildcards, input: flags({"equivalences": input.known or None}),
        shell:
            "python scripts/trace_anchor.py --pairs {input.pairs:q} {params.known:q}"
            " --query-embeddings {input.query:q} --target-embeddings {input.target:q}"
            " --clusters {params.clusters:q} --out {output:q} > {log:q} 2>&1"


rule grid:
    input:
        study.paths.tables("grid") if study.knows_equivalences else [],


if study.knows_equivalences:

    rule measure_false_negatives:
        input:
            program("measure_false_negatives.py"),
            pairs=rules.prepare_items.output.pairs,
            known=study.paths.equivalences("train", study.train_sets),
            minimal=study.minimal_pairs,
            clusters=clusters_of(study.mined, "parquet"),
            grid=f"{study.paths.grid}/clusters",
        output:
            RATES,
            study.paths.false_negatives([*study.train_sets, "all"], "csv"),
            grid=directory(f"{study.paths.grid}/false_negatives"),
        log:
            f"{RESULTS}/logs/measure_false_negatives.log",
        benchmark:
            f"{RESULTS}/benchmarks/measure_false_negatives.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **study.resources.asks("score"),
        params:
            jobs=lambda wildcards: jobs.measuring_false_negatives(),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/measure_false_negatives.py --job-list {log:q}.jobs.json"
            " > {log:q} 2>&1"

    rule mine_grid:
        input:
            program("mine_negatives.py"),
            **study.mining_vectors,
            pairs=rules.prepare_items.output.pairs,
        output:
            directory(f"{study.paths.grid}/clusters"),
        log:
            f"{RESULTS}/logs/mine_grid.log",
        benchmark:
            f"{RESULTS}/benchmarks/mine_grid.tsv"
        conda:
            MINING_ENV
        resources:
            **study.resources.asks("mine"),
        params:
            jobs=lambda wildcards: jobs.mining_grid(),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/mine_negatives.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    # Not of the study: a folder for each subset whose equivalences are known, to score other miners on
    rule miner_benchmark:
        input:
            program("freeze_benchmark.py"),
            **study.mining_vectors,
            query_items=study.paths.items("train", "query"),
            target_items=study.paths.items("train", "target"),
            pairs=rules.prepare_items.output.pairs,
            known=study.paths.equivalences("train", study.train_sets),
            minimal=study.minimal_pairs,
            clusters=clusters_of(study.mined, "parquet"),
        output:
            directory(f"{RESULTS}/miner_benchmark"),
        log:
            f"{RESULTS}/logs/miner_benchmark.log",
        benchmark:
            f"{RESULTS}/benchmarks/miner_benchmark.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            jobs=lambda wildcards: jobs.freezing(),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/freeze_benchmark.py --job-list {log:q}.jobs.json > {log:q} 2>&1"
