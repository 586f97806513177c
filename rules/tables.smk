# Tables: each as CSV, Markdown, LaTeX and HTML from one data frame.
# in:  scores/<model>/<prompt>/, clusters/, false_negatives/, items/, rows/, data/
# out: tables/<name>.csv, .md, .tex, .html
# by:  tabulate_zero_shot.py, tabulate_mining.py, tabulate_runs.py, audit_leakage.py,
#      audit_published.py


rule tables:
    input:
        tables_named("zero_shot", "zero_shot_datasets", "zero_shot_tests"),
        tables_named("mining", "mining_subsets", "mining_statistics"),
        tables_named("runs", "runs_datasets", "runs_tests"),
        tables_named("leakage", "published_audit"),


rule tabulate_zero_shot:
    input:
        program("tabulate_zero_shot.py"),
        register=rules.build_benchmark.output.register,
        scores=scores_of(ZERO_SHOT, PROMPTS),
    output:
        reported(tables_named("zero_shot", "zero_shot_datasets", "zero_shot_tests")),
    log:
        f"{RESULTS}/logs/tabulate_zero_shot.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_zero_shot.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scores=folder_of_input("scores", 1),
        prompts=PROMPTS,
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_zero_shot.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} --out {params.out} > {log} 2>&1"


rule tabulate_mining:
    input:
        program("tabulate_mining.py"),
        clusters=clusters_of(MINED, "json"),
        rates=expand(f"{RESULTS}/false_negatives/{{name}}.json", name=[*TRAIN_SETS, "all"]),
    output:
        reported(tables_named("mining", "mining_subsets", "mining_statistics")),
    log:
        f"{RESULTS}/logs/tabulate_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        clusters=folder_of_input("clusters", 1),
        rates=folder_of_input("rates"),
        strategies=MINED,
        subsets=TRAIN_SETS,
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_mining.py --clusters {params.clusters} --rates {params.rates}"
        " --strategies {params.strategies} --subsets {params.subsets} --out {params.out}"
        " > {log} 2>&1"


rule tabulate_runs:
    input:
        program("tabulate_runs.py"),
        register=rules.build_benchmark.output.register,
        zero_shot=scores_of(ZERO_SHOT, RUN_PROMPTS),
        tuned=[scores_of(model_name(run), run["prompt"]) for run in RUNS],
    output:
        reported(tables_named("runs", "runs_datasets", "runs_tests")),
    log:
        f"{RESULTS}/logs/tabulate_runs.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_runs.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scores=folder_of_input("tuned", 2),
        runs=RUN_NAMES,
        seeds=config["train"]["seeds"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_runs.py --register {input.register} --scores {params.scores}"
        " --runs {params.runs} --seeds {params.seeds} --out {params.out} > {log} 2>&1"


rule audit_leakage:
    input:
        program("audit_leakage.py"),
        item_files=expand(
            f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=["train", "eval"], side=SIDES
        ),
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        register=rules.build_benchmark.output.register,
        train=rules.build_benchmark.output.train,
        eval=rules.build_benchmark.output.eval,
    output:
        reported(tables_named("leakage")),
    log:
        f"{RESULTS}/logs/audit_leakage.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_leakage.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        item_folder=folder_of_input("item_files"),
        rows=folder_of_input("rows"),
        out=folder_of_output(),
    shell:
        "python scripts/audit_leakage.py --register {input.register} --rows {params.rows}"
        " --items {params.item_folder} --train-images {input.train} --eval-images {input.eval}"
        " --out {params.out} > {log} 2>&1"


rule audit_published:
    input:
        program("audit_published.py"),
    output:
        reported(tables_named("published_audit")),
    log:
        f"{RESULTS}/logs/audit_published.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_published.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        out=folder_of_output(),
    shell:
        "python scripts/audit_published.py --out {params.out} > {log} 2>&1"
