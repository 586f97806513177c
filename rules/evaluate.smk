# Evaluation: Precision@1 of every data set, zero-shot and fine-tuned, each in one process.
# in:  rows/<dataset>.parquet, embeddings/<model>/<prompt>/eval_<side>.npy
# out: scores/<model>/<prompt>/<dataset>.json and <dataset>.predictions.parquet;
#      leaderboard/<model>/<prompt>.json (all scores of one model, to submit elsewhere), .md (its
#      model card with them)
# by:  score_subset.py (a job list of data sets, prompts, runs and their checkpoints),
#      write_leaderboard.py


rule evaluate:
    input:
        scores_of(ZERO_SHOT, PROMPTS),
        [scores_of(*one) for one in TUNED_MODELS],
        list(leaderboards()),


rule score_subset:
    input:
        program("score_subset.py"),
        expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        [list(vectors_of(ZERO_SHOT, prompt).values()) for prompt in PROMPTS],
    output:
        scores_of(ZERO_SHOT, PROMPTS),
    log:
        f"{RESULTS}/logs/score_subset.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_subset.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        **asks("score"),
    params:
        jobs=scoring_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_subset.py --job-list - > {log} 2>&1"


rule score_adapted:
    input:
        program("score_subset.py"),
        expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        [list(vectors_of(*one).values()) for one in TUNED_MODELS],
    output:
        [scores_of(*one) for one in TUNED_MODELS],
    log:
        f"{RESULTS}/logs/score_adapted.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_adapted.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        **asks("score"),
    params:
        jobs=adapted_scoring_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_subset.py --job-list - > {log} 2>&1"


rule write_leaderboard:
    input:
        program("write_leaderboard.py"),
        [scores_of(*model) for model in leaderboards().values()],
        list(model_cards().values()),
        register=BENCHMARK.register,
    output:
        list(leaderboards()),
        [str(Path(path).with_suffix(".md")) for path in model_cards()],
    log:
        f"{RESULTS}/logs/write_leaderboard.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_leaderboard.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        jobs=leaderboard_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/write_leaderboard.py --job-list -"
        " > {log} 2>&1"
