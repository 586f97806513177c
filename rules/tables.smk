# Tables: each as CSV, Markdown, LaTeX and HTML from one data frame.
# in:  scores/<model>/<prompt>/, clusters/, false_negatives/, items/, rows/, data/
# out: tables/<name>.csv, .md, .tex, .html
#      benchmarks/cost.* (its numbers differ from run to run)
# by:  tabulate_zero_shot.py, tabulate_prompts.py, tabulate_mining.py, tabulate_runs.py,
#      tabulate_training.py, tabulate_peers.py, tabulate_cost.py, audit_leakage.py,
#      audit_published.py


COST = tables_named("cost", folder=f"{RESULTS}/benchmarks")
FINAL_SCORES = [scores_of(*one) for one in FINAL_MODELS]


rule tables:
    input:
        tables_named("zero_shot", "zero_shot_datasets", "zero_shot_tests"),
        tables_named("mining", "mining_subsets", "mining_statistics") if MINES else [],
        tables_named("grid") if KNOWN else [],
        tables_named("runs", "runs_datasets", "runs_tests") if TRAINS else [],
        tables_named("sampling", "efficiency", "leakage") if TRAINS else [],
        tables_named("peers_zero_shot", "peers_fine_tuned", "peers_datasets", "backbones"),
        tables_named("sugarcrepe", "sugarcrepe_pp"),
        tables_named("prompts", "settings", "published_audit"),
        DOCTOR,
        COST,


rule tabulate_zero_shot:
    input:
        program("tabulate_zero_shot.py"),
        register=BENCHMARK.register,
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
        **asks("small"),
    params:
        scores=folder_of_input("scores", 1),
        prompts=PROMPTS,
        published=flags(
            {
                "backbone": config["published"]["backbone"],
                "released_as": config["published"]["released_as"] or None,
            }
        ),
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_zero_shot.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} {params.published} --out {params.out} > {log} 2>&1"


rule tabulate_mining:
    input:
        program("tabulate_mining.py"),
        clusters=clusters_of(MINED, "json"),
        rates=RATES,
        grid_clusters=rules.mine_grid.output if KNOWN else [],
        grid_rates=rules.measure_false_negatives.output.grid if KNOWN else [],
    output:
        reported(tables_named("mining", "mining_subsets", "mining_statistics")),
        reported(tables_named("grid")) if KNOWN else [],
    log:
        f"{RESULTS}/logs/tabulate_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        clusters=folder_of_input("clusters", 1),
        strategies=MINED,
        subsets=TRAIN_SETS,
        known=mining_report_flags() if KNOWN else "",
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_mining.py --clusters {params.clusters}"
        " --strategies {params.strategies} --subsets {params.subsets} {params.known}"
        " --out {params.out} > {log} 2>&1"


rule tabulate_runs:
    input:
        program("tabulate_runs.py"),
        register=BENCHMARK.register,
        zero_shot=scores_of(ZERO_SHOT, RUN_PROMPTS),
        tuned=FINAL_SCORES,
    output:
        reported(tables_named("runs", "runs_datasets", "runs_tests")),
    log:
        f"{RESULTS}/logs/tabulate_runs.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_runs.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        scores=folder_of_input("tuned", 2),
        runs=RUN_NAMES,
        seeds=config["train"]["seeds"],
        backbone=config["published"]["backbone"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_runs.py --register {input.register} --scores {params.scores}"
        " --runs {params.runs} --seeds {params.seeds} --backbone {params.backbone}"
        " --out {params.out} > {log} 2>&1"


rule tabulate_prompts:
    input:
        program("tabulate_prompts.py"),
        register=BENCHMARK.register,
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        item_files=expand(f"{RESULTS}/items/eval_{{side}}.parquet", side=SIDES),
        vectors=[vectors_of(ZERO_SHOT, prompt)[side] for prompt in PROMPTS for side in SIDES],
        scores=scores_of(ZERO_SHOT, PROMPTS),
    output:
        reported(tables_named("prompts")),
    log:
        f"{RESULTS}/logs/tabulate_prompts.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_prompts.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("score"),
    params:
        rows=folder_of_input("rows"),
        item_folder=folder_of_input("item_files"),
        embeddings=folder_of_input("vectors", 1),
        scores=folder_of_input("scores", 1),
        prompts=PROMPTS,
        reference=MINE_PROMPT,
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_prompts.py --register {input.register} --rows {params.rows}"
        " --items {params.item_folder} --embeddings {params.embeddings} --scores {params.scores}"
        " --prompts {params.prompts} --reference {params.reference} --seed {params.seed}"
        " --out {params.out} > {log} 2>&1"


rule tabulate_training:
    input:
        program("tabulate_training.py"),
        register=BENCHMARK.register,
        clusters=clusters_of([*STRATEGIES, *MINED_APART], "json"),
        rates=f"{RESULTS}/false_negatives/all.json" if KNOWN else [],
        cards=[f"{ADAPTER.format(**run)}/card.json" for run in RUNS],
        training_logs=[f"{ADAPTER.format(**run)}/training_log.jsonl" for run in RUNS],
        zero_shot=scores_of(ZERO_SHOT, RUN_PROMPTS),
        tuned=[scores_of(*one) for one in TUNED_MODELS],
    output:
        reported(tables_named("sampling", "efficiency")),
    log:
        f"{RESULTS}/logs/tabulate_training.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_training.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        scores=folder_of_input("tuned", 2),
        rates=f"--rates {RESULTS}/false_negatives/all.json" if KNOWN else "",
        adapters=folder_of_input("cards", 2),
        clusters=folder_of_input("clusters", 1),
        strategies=STRATEGIES,
        subsets=TRAIN_SETS,
        runs=RUN_NAMES,
        prompt=MINE_PROMPT,
        seeds=config["train"]["seeds"],
        checkpoints=CHECKPOINTS,
        steps=config["train"]["steps"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_training.py --register {input.register} --scores {params.scores}"
        " --adapters {params.adapters} --clusters {params.clusters} {params.rates}"
        " --strategies {params.strategies} --subsets {params.subsets} --runs {params.runs}"
        " --prompt {params.prompt} --seeds {params.seeds} --checkpoints {params.checkpoints}"
        " --steps {params.steps} --out {params.out} > {log} 2>&1"


rule tabulate_peers:
    input:
        program("tabulate_peers.py"),
        register=BENCHMARK.register,
        zero_shot=scores_of(ZERO_SHOT, sorted({*PROMPTS, *RUN_PROMPTS})),
        tuned=FINAL_SCORES,
    output:
        reported(tables_named("peers_zero_shot", "peers_fine_tuned", "peers_datasets", "backbones")),
    log:
        f"{RESULTS}/logs/tabulate_peers.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_peers.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        scores=folder_of_input("zero_shot", 2),
        prompts=PROMPTS,
        runs=RUN_NAMES,
        seeds=config["train"]["seeds"],
        backbone=config["published"]["backbone"],
        released=flags({"released_as": config["published"]["released_as"] or None}),
        systems=config["published"]["systems"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_peers.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} --runs {params.runs} --seeds {params.seeds}"
        " --backbone {params.backbone} {params.released} --systems {params.systems}"
        " --out {params.out}"
        " > {log} 2>&1"


rule tabulate_cost:
    input:
        program("tabulate_cost.py"),
        FINAL_SCORES,
        scores_of(ZERO_SHOT, PROMPTS),
        RATES,
        config=f"{RESULTS}/config.yaml",
    output:
        reported(tables_named("settings")),
        cost=reported(COST),
    log:
        f"{RESULTS}/logs/tabulate_cost.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_cost.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        results=folder_of_input("config"),
        out=folder_of_output(),
        cost_out=lambda wildcards, output: str(Path(output.cost[0]).parent),
    shell:
        "python scripts/tabulate_cost.py --results {params.results} --config {input.config}"
        " --out {params.out} --cost-out {params.cost_out} > {log} 2>&1"


rule audit_leakage:
    input:
        program("audit_leakage.py"),
        item_files=expand(
            f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=["train", "eval"], side=SIDES
        ),
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        register=BENCHMARK.register,
        train=f"{DATA}/train",
        eval=f"{DATA}/eval",
    output:
        reported(tables_named("leakage")),
    log:
        f"{RESULTS}/logs/audit_leakage.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_leakage.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("score"),
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
        **asks("small"),
    params:
        out=folder_of_output(),
    shell:
        "python scripts/audit_published.py --out {params.out} > {log} 2>&1"
