# Figures: each as PDF and PNG, with a CSV of what is drawn and its caption.
# in:  tables/, scores/, clusters/, false_negatives/, embeddings/base/
# out: figures/<name>.pdf, .png, .csv, .md
#      analysis/: what is measured for figures alone, on the model itself
# by:  plot_scores.py, plot_umap.py, plot_mining.py, draw_gallery.py, plot_dynamics.py;
#      analyse_attention.py, analyse_layers.py and plot_analyses.py


rule figures:
    input:
        figures_named("prompt_scores", "umap", "attention_mass", "layers"),
        figures_named("training_dynamics", "task_scores") if TRAINS else [],
        figures_named("hardness_overlap") if MINES else [],
        figures_named("false_negative_rate") if KNOWN else [],
        figures_named("gallery") if KNOWN and {"hns", "saha"} <= set(MINED) else [],


rule plot_scores:
    input:
        program("plot_scores.py"),
        prompts=f"{RESULTS}/tables/zero_shot.csv",
        datasets=f"{RESULTS}/tables/runs_datasets.csv" if TRAINS else [],
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
    output:
        reported(figures_named("prompt_scores")),
        reported(figures_named("task_scores")) if TRAINS else [],
    log:
        f"{RESULTS}/logs/plot_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_scores.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        datasets=f"--datasets {RESULTS}/tables/runs_datasets.csv" if TRAINS else "",
        out=folder_of_output(),
    shell:
        "python scripts/plot_scores.py --prompts {input.prompts} {params.datasets}"
        " --rows {input.rows} --pairs {input.pairs} --out {params.out} > {log} 2>&1"


rule plot_umap:
    input:
        program("plot_umap.py"),
        register=BENCHMARK.register,
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
        **asks("score"),
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
        rates=f"{RESULTS}/false_negatives/all.json" if KNOWN else [],
    output:
        reported(figures_named("hardness_overlap")),
        reported(figures_named("false_negative_rate")) if KNOWN else [],
    log:
        f"{RESULTS}/logs/plot_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        clusters=folder_of_input("clusters", 1),
        strategies=MINED,
        rates=f"--rates {RESULTS}/false_negatives/all.json" if KNOWN else "",
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/plot_mining.py --pairs {input.pairs} --clusters {params.clusters}"
        " --strategies {params.strategies} {params.rates} --seed {params.seed}"
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
        **asks("small"),
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
        register=BENCHMARK.register,
        zero_shot=scores_of(ZERO_SHOT, RUN_PROMPTS),
        tuned=[scores_of(*one) for one in TUNED_MODELS],
    output:
        reported(figures_named("training_dynamics")),
    log:
        f"{RESULTS}/logs/plot_dynamics.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_dynamics.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
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


rule analyse_model:
    input:
        program("analyse_attention.py"),
        program("analyse_layers.py"),
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        query_items=f"{RESULTS}/items/eval_query.parquet",
        target_items=f"{RESULTS}/items/eval_target.parquet",
        images=f"{DATA}/eval",
        model=MODEL_FILES,
    output:
        attention=f"{RESULTS}/analysis/attention.csv",
        layers=f"{RESULTS}/analysis/layers.csv",
    log:
        f"{RESULTS}/logs/analyse_model.log",
    benchmark:
        f"{RESULTS}/benchmarks/analyse_model.tsv"
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"]
    resources:
        **asks("embed"),
    params:
        common=analysis_flags,
        queries=config["figures"]["analysis_items"],
        rows=config["figures"]["analysis_rows"],
    shell:
        "python scripts/analyse_attention.py {params.common} --items {input.query_items}"
        " --count {params.queries} --out {output.attention} > {log} 2>&1"
        " && python scripts/analyse_layers.py {params.common} --rows {input.rows}"
        " --query-items {input.query_items} --target-items {input.target_items}"
        " --rows-per-set {params.rows} --out {output.layers} >> {log} 2>&1"


rule plot_analyses:
    input:
        program("plot_analyses.py"),
        attention=rules.analyse_model.output.attention,
        layers=rules.analyse_model.output.layers,
        rows=expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
    output:
        reported(figures_named("attention_mass", "layers")),
    log:
        f"{RESULTS}/logs/plot_analyses.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_analyses.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        out=folder_of_output(),
    shell:
        "python scripts/plot_analyses.py --attention {input.attention} --layers {input.layers}"
        " --rows {input.rows} --out {params.out} > {log} 2>&1"
