# Mining: clusters of mutually hard pairs, per strategy and training subset, from zero-shot vectors.
# in:  pairs/<subset>.parquet, embeddings/base/<mine.prompt>/train_<side>.npy
# out: clusters/<strategy>/<subset>.parquet with its statistics as .json; false_negatives/
# by:  mine_negatives.py, measure_false_negatives.py (the report on known equivalences)
# Every k and m of mine.grid is mined besides: grid/, tables/grid.* (tables.smk)
# Only the mini benchmark knows its equivalences: false negatives and the grid are its alone. With
# mining_from the clusters are another experiment's, and nothing is mined here.

RATES = expand(
    f"{RESULTS}/false_negatives/{{name}}.json", name=[*TRAIN_SETS, "all"] if KNOWN else []
)


rule mine:
    input:
        clusters_of([*STRATEGIES, *MINED_APART], "parquet"),
        RATES,


if MINES:

    rule mine_negatives:
        input:
            program("mine_negatives.py"),
            pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
            query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.npy",
            target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_target.npy",
            manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.json",
        output:
            **{
                f"{of}_{name}_{what}".replace("-", "_"): f"{RESULTS}/clusters/{of}/{name}.{what}"
                for of in [*STRATEGIES, *MINED_APART]
                for name in TRAIN_SETS
                for what in ("parquet", "json")
            },
        log:
            f"{RESULTS}/logs/mine_negatives.log",
        # see the rule train_generator for why there is no benchmark
        cache: True
        conda:
            MINING_ENV
        resources:
            **asks("mine"),
        params:
            jobs=mining_jobs,
        shell:
            "printf '%s' {params.jobs:q} | python scripts/mine_negatives.py --job-list - > {log} 2>&1"


rule grid:
    input:
        tables_named("grid") if KNOWN else [],


if KNOWN:

    rule measure_false_negatives:
        input:
            program("measure_false_negatives.py"),
            pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
            known=expand(f"{RESULTS}/equivalences/train/{{name}}.parquet", name=TRAIN_SETS),
            clusters=clusters_of(MINED, "parquet"),
            grid=f"{RESULTS}/grid/clusters",
        output:
            RATES,
            expand(f"{RESULTS}/false_negatives/{{name}}.csv", name=[*TRAIN_SETS, "all"]),
            grid=directory(f"{RESULTS}/grid/false_negatives"),
        log:
            f"{RESULTS}/logs/measure_false_negatives.log",
        benchmark:
            f"{RESULTS}/benchmarks/measure_false_negatives.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **asks("score"),
        params:
            jobs=false_negative_jobs,
        shell:
            "printf '%s' {params.jobs:q} | python scripts/measure_false_negatives.py --job-list -"
            " > {log} 2>&1"

    rule mine_grid:
        input:
            program("mine_negatives.py"),
            pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
            query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.npy",
            target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_target.npy",
            manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.json",
        output:
            directory(f"{RESULTS}/grid/clusters"),
        log:
            f"{RESULTS}/logs/mine_grid.log",
        benchmark:
            f"{RESULTS}/benchmarks/mine_grid.tsv"
        conda:
            MINING_ENV
        resources:
            **asks("mine"),
        params:
            jobs=grid_mining_jobs,
        shell:
            "printf '%s' {params.jobs:q} | python scripts/mine_negatives.py --job-list - > {log} 2>&1"
