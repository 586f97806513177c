# Evaluation: Precision@1 of every data set, all data sets of a model and prompt in one process.
# in:  rows/<dataset>.parquet, embeddings/<model>/<prompt>/eval_<side>.npy
# out: scores/<model>/<prompt>/<dataset>.json and <dataset>.predictions.parquet
# by:  score_subset.py (a job list of the data sets)


rule evaluate:
    input:
        scores_of(ZERO_SHOT, PROMPTS),


rule score_subset:
    input:
        program("score_subset.py"),
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        query=f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_query.npy",
        target=f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_target.npy",
        manifests=[
            f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_query.json",
            f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_target.json",
        ],
    output:
        scores_of("{model}", "{prompt}"),
    log:
        f"{RESULTS}/logs/score_subset/{{model}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_subset/{{model}}_{{prompt}}.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        jobs=scoring_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_subset.py --job-list - > {log} 2>&1"
