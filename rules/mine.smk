# Mining: clusters of mutually hard pairs, per strategy and training subset, from zero-shot vectors.
# in:  pairs/<subset>.parquet, embeddings/base/<mine.prompt>/train_<side>.npy
# out: clusters/<strategy>/<subset>.parquet with its statistics as .json; false_negatives/
# by:  mine_negatives.py, measure_false_negatives.py (the report on known equivalences)
# The target grid mines every k and m of mine.grid besides: grid/, tables/grid.*; not part of all.


rule mine:
    input:
        clusters_of(STRATEGIES, "parquet"),
        expand(f"{RESULTS}/false_negatives/{{name}}.json", name=[*TRAIN_SETS, "all"]),


rule mine_negatives:
    input:
        program("mine_negatives.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.npy",
        target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_target.npy",
    output:
        **{
            f"{strategy}_{name}_{what}": f"{RESULTS}/clusters/{strategy}/{name}.{what}"
            for strategy in STRATEGIES
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
        mem_mb=2000,
        runtime=60,
    params:
        jobs=mining_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/mine_negatives.py --job-list - > {log} 2>&1"


rule measure_false_negatives:
    input:
        program("measure_false_negatives.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        known=expand(f"{RESULTS}/equivalences/train/{{name}}.parquet", name=TRAIN_SETS),
        clusters=clusters_of(MINED, "parquet"),
    output:
        expand(f"{RESULTS}/false_negatives/{{name}}.json", name=[*TRAIN_SETS, "all"]),
        expand(f"{RESULTS}/false_negatives/{{name}}.csv", name=[*TRAIN_SETS, "all"]),
    log:
        f"{RESULTS}/logs/measure_false_negatives.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_false_negatives.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        jobs=false_negative_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/measure_false_negatives.py --job-list -"
        " > {log} 2>&1"


rule grid:
    input:
        tables_named("grid"),


rule mine_grid:
    input:
        program("mine_negatives.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_query.npy",
        target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{MINE_PROMPT}/train_target.npy",
    output:
        directory(f"{RESULTS}/grid/clusters"),
    log:
        f"{RESULTS}/logs/mine_grid.log",
    benchmark:
        f"{RESULTS}/benchmarks/mine_grid.tsv"
    conda:
        MINING_ENV
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        jobs=grid_mining_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/mine_negatives.py --job-list - > {log} 2>&1"


rule measure_grid:
    input:
        program("measure_false_negatives.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        known=expand(f"{RESULTS}/equivalences/train/{{name}}.parquet", name=TRAIN_SETS),
        clusters=rules.mine_grid.output,
    output:
        directory(f"{RESULTS}/grid/false_negatives"),
    log:
        f"{RESULTS}/logs/measure_grid.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_grid.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        jobs=grid_false_negative_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/measure_false_negatives.py --job-list -"
        " > {log} 2>&1"


rule tabulate_grid:
    input:
        program("tabulate_grid.py"),
        clusters=rules.mine_grid.output,
        rates=rules.measure_grid.output,
    output:
        tables_named("grid"),
    log:
        f"{RESULTS}/logs/tabulate_grid.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_grid.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        k=GRID["k"],
        m=GRID["m"],
        strategies=GRID["strategies"],
        subsets=TRAIN_SETS,
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_grid.py --clusters {input.clusters} --rates {input.rates}"
        " --k {params.k} --m {params.m} --strategies {params.strategies}"
        " --subsets {params.subsets} --out {params.out} > {log} 2>&1"
