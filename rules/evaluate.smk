# Evaluation: Precision@1 of every data set, all data sets of a run in one process.
# in:  rows/<dataset>.parquet, embeddings/<model>/<prompt>/eval_<side>.npy
# out: scores/<model>/<prompt>/<dataset>.json and <dataset>.predictions.parquet
# by:  score_subset.py (a job list of the data sets; a run's checkpoints beside its final adapter)


rule evaluate:
    input:
        scores_of(ZERO_SHOT, PROMPTS),
        [scores_of(model, run["prompt"]) for run in RUNS for model in models_of(run)],


rule score_subset:
    input:
        program("score_subset.py"),
        expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        list(vectors_of(ZERO_SHOT, "{prompt}").values()),
    output:
        scores_of(ZERO_SHOT, "{prompt}"),
    log:
        f"{RESULTS}/logs/score_subset/{ZERO_SHOT}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_subset/{ZERO_SHOT}_{{prompt}}.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        jobs=scoring_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_subset.py --job-list - > {log} 2>&1"


rule score_adapted:
    input:
        program("score_subset.py"),
        expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        rules.embed_adapted.output,
    output:
        [scores_of(model, "{prompt}") for model in models_of_any_run()],
    log:
        f"{RESULTS}/logs/score_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        jobs=adapted_scoring_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_subset.py --job-list - > {log} 2>&1"
