# Evaluation: Precision@1 of every data set, zero-shot and fine-tuned, each in one process.
# in:  rows/<dataset>.parquet, embeddings/<model>/<prompt>/eval_<side>.npy
# out: scores/<model>/<prompt>/<dataset>.json and <dataset>.predictions.parquet;
#      leaderboard/<model>/<prompt>.json (all scores of one model, to submit elsewhere), .md (its
#      model card with them)
# by:  score_subset.py (a job list of data sets, prompts, runs and their checkpoints),
#      write_leaderboard.py


rule evaluate:
    input:
        study.scores(ZERO_SHOT, study.prompts),
        [study.scores(*one) for one in study.tuned_models],
        list(study.leaderboards),


rule score_subset:
    input:
        program("score_subset.py"),
        rules.prepare_items.output.rows,
        [list(study.paths.vectors(ZERO_SHOT, prompt).values()) for prompt in study.prompts],
    output:
        study.scores(ZERO_SHOT, study.prompts),
    log:
        f"{RESULTS}/logs/score_subset.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_subset.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        **study.resources.asks("score"),
    params:
        jobs=lambda wildcards: jobs.scoring([(ZERO_SHOT, prompt) for prompt in study.prompts]),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/score_subset.py --job-list {log:q}.jobs.json > {log:q} 2>&1"


rule score_adapted:
    input:
        program("score_subset.py"),
        rules.prepare_items.output.rows,
        [list(study.paths.vectors(*one).values()) for one in study.tuned_models],
    output:
        [study.scores(*one) for one in study.tuned_models],
    log:
        f"{RESULTS}/logs/score_adapted.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_adapted.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        **study.resources.asks("score"),
    params:
        jobs=lambda wildcards: jobs.scoring(study.tuned_models),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/score_subset.py --job-list {log:q}.jobs.json > {log:q} 2>&1"


rule write_leaderboard:
    input:
        program("write_leaderboard.py"),
        [study.scores(*model) for model in study.leaderboards.values()],
        list(study.model_cards.values()),
        register=BENCHMARK.register,
    output:
        list(study.leaderboards),
        [str(Path(path).with_suffix(".md")) for path in study.model_cards],
    log:
        f"{RESULTS}/logs/write_leaderboard.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_leaderboard.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        jobs=lambda wildcards: jobs.leaderboards(),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/write_leaderboard.py --job-list {log:q}.jobs.json"
        " > {log:q} 2>&1"
