# Figures: each as PDF and PNG, with a CSV of what is drawn and its caption.
# in:  tables/, scores/, clusters/, false_negatives/, embeddings/base/
# out: figures/<name>.pdf, .png, .csv, .md
# by:  plot_prompt_scores.py, plot_umap.py, plot_mining.py, draw_gallery.py, plot_dynamics.py,
#      plot_task_scores.py


rule figures:
    input:
        figures_named("prompt_scores", "umap", "hardness_overlap", "false_negative_rate"),
        figures_named("training_dynamics", "task_scores"),
        figures_named("gallery") if {"hns", "saha"} <= set(MINED) else [],


rule plot_prompt_scores:
    input:
        program("plot_prompt_scores.py"),
        table=f"{RESULTS}/tables/zero_shot.csv",
    output:
        reported(figures_named("prompt_scores")),
    log:
        f"{RESULTS}/logs/plot_prompt_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_prompt_scores.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=folder_of_output(),
    shell:
        "python scripts/plot_prompt_scores.py --table {input.table} --out {params.out}"
        " > {log} 2>&1"


rule plot_umap:
    input:
        program("plot_umap.py"),
        register=rules.build_benchmark.output.register,
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        vectors=[
            vectors_of(ZERO_SHOT, prompt)[side]
            for prompt in config["figures"]["umap_prompts"]
            for side in SIDES
        ],
    output:
        reported(figures_named("umap")),
    log:
        f"{RESULTS}/logs/plot_umap.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_umap.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        rows=folder_of_input("rows"),
        embeddings=folder_of_input("vectors", 1),
        prompts=config["figures"]["umap_prompts"],
        queries=config["figures"]["umap_queries"],
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/plot_umap.py --register {input.register} --rows {params.rows}"
        " --embeddings {params.embeddings} --prompts {params.prompts} --queries {params.queries}"
        " --seed {params.seed} --out {params.out} > {log} 2>&1"


rule plot_mining:
    input:
        program("plot_mining.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        clusters=clusters_of(MINED, "parquet"),
        rates=f"{RESULTS}/false_negatives/all.json",
    output:
        reported(figures_named("hardness_overlap", "false_negative_rate")),
    log:
        f"{RESULTS}/logs/plot_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        clusters=folder_of_input("clusters", 1),
        strategies=MINED,
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/plot_mining.py --pairs {input.pairs} --clusters {params.clusters}"
        " --strategies {params.strategies} --rates {input.rates} --seed {params.seed}"
        " --out {params.out} > {log} 2>&1"


rule draw_gallery:
    input:
        program("draw_gallery.py"),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        known=expand(f"{RESULTS}/equivalences/train/{{name}}.parquet", name=TRAIN_SETS),
        clusters=clusters_of(["hns", "saha"], "parquet"),
        query_items=f"{RESULTS}/items/train_query.parquet",
        target_items=f"{RESULTS}/items/train_target.parquet",
        images=f"{DATA}/train",
    output:
        reported(figures_named("gallery")),
    log:
        f"{RESULTS}/logs/draw_gallery.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_gallery.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        clusters=folder_of_input("clusters", 1),
        rows=config["figures"]["gallery_rows"],
        out=folder_of_output(),
    shell:
        "python scripts/draw_gallery.py --pairs {input.pairs} --equivalences {input.known}"
        " --clusters {params.clusters} --strategy hns --instead saha"
        " --query-items {input.query_items} --target-items {input.target_items}"
        " --image-root {input.images} --rows {params.rows} --out {params.out} > {log} 2>&1"


rule plot_dynamics:
    input:
        program("plot_dynamics.py"),
        register=rules.build_benchmark.output.register,
        zero_shot=scores_of(ZERO_SHOT, RUN_PROMPTS),
        tuned=[scores_of(model, run["prompt"]) for run in RUNS for model in models_of(run)],
    output:
        reported(figures_named("training_dynamics")),
    log:
        f"{RESULTS}/logs/plot_dynamics.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_dynamics.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scores=folder_of_input("tuned", 2),
        runs=RUN_NAMES,
        seeds=config["train"]["seeds"],
        checkpoints=CHECKPOINTS,
        steps=config["train"]["steps"],
        out=folder_of_output(),
    shell:
        "python scripts/plot_dynamics.py --register {input.register} --scores {params.scores}"
        " --runs {params.runs} --seeds {params.seeds} --checkpoints {params.checkpoints}"
        " --steps {params.steps} --out {params.out} > {log} 2>&1"


rule plot_task_scores:
    input:
        program("plot_task_scores.py"),
        table=f"{RESULTS}/tables/runs_datasets.csv",
    output:
        reported(figures_named("task_scores")),
    log:
        f"{RESULTS}/logs/plot_task_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_task_scores.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=folder_of_output(),
    shell:
        "python scripts/plot_task_scores.py --table {input.table} --out {params.out} > {log} 2>&1"
