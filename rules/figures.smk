# Figures: each as PDF and PNG, with a CSV of what is drawn and its caption.
# in:  tables/, scores/, clusters/, false_negatives/, embeddings/base/
# out: figures/<name>.pdf, .png, .csv, .md
#      analysis/: what is measured for figures alone, on the model itself
# by:  plot_scores.py, plot_umap.py, plot_mining.py, draw_gallery.py, plot_dynamics.py;
#      analyse_attention.py, analyse_layers.py and plot_analyses.py


rule figures:
    input:
        study.paths.figures("prompt_scores", "umap", "attention_mass", "layers"),
        study.paths.figures("training_dynamics", "task_scores") if study.trains else [],
        study.paths.figures("hardness_overlap") if study.mines else [],
        study.paths.figures("false_negative_rate") if study.knows_equivalences else [],
        study.paths.figures("gallery")
        if study.knows_equivalences and {"hns", "saha"} <= set(study.mined)
        else [],


rule plot_scores:
    input:
        program("plot_scores.py"),
        prompts=f"{RESULTS}/tables/zero_shot.csv",
        datasets=f"{RESULTS}/tables/runs_datasets.csv" if study.trains else [],
        rows=study.paths.rows(study.eval_sets),
        pairs=study.paths.pairs(study.train_sets),
    output:
        reported(study.paths.figures("prompt_scores")),
        reported(study.paths.figures("task_scores")) if study.trains else [],
    log:
        f"{RESULTS}/logs/plot_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_scores.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        datasets=f"--datasets {RESULTS}/tables/runs_datasets.csv" if study.trains else "",
        out=folder_of_output(),
    shell:
        "python scripts/plot_scores.py --prompts {input.prompts} {params.datasets}"
        " --rows {input.rows} --pairs {input.pairs} --out {params.out} > {log} 2>&1"


rule plot_umap:
    input:
        program("plot_umap.py"),
        register=BENCHMARK.register,
        rows=study.paths.rows(study.eval_sets),
        vectors=[
            study.paths.vectors(ZERO_SHOT, prompt)[side]
            for prompt in config["figures"]["umap_prompts"]
            for side in SIDES
        ],
    output:
        reported(study.paths.figures("umap")),
    log:
        f"{RESULTS}/logs/plot_umap.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_umap.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("score"),
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
        pairs=study.paths.pairs(study.train_sets),
        clusters=clusters_of(study.mined, "parquet"),
        rates=f"{RESULTS}/false_negatives/all.json" if study.knows_equivalences else [],
    output:
        reported(study.paths.figures("hardness_overlap")),
        reported(study.paths.figures("false_negative_rate")) if study.knows_equivalences else [],
    log:
        f"{RESULTS}/logs/plot_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        clusters=folder_of_input("clusters", 1),
        strategies=study.mined,
        rates=f"--rates {RESULTS}/false_negatives/all.json" if study.knows_equivalences else "",
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/plot_mining.py --pairs {input.pairs} --clusters {params.clusters}"
        " --strategies {params.strategies} {params.rates} --seed {params.seed}"
        " --out {params.out} > {log} 2>&1"


rule draw_gallery:
    input:
        program("draw_gallery.py"),
        pairs=study.paths.pairs(study.train_sets),
        known=study.paths.equivalences("train", study.train_sets),
        clusters=clusters_of(["hns", "saha"], "parquet"),
        query_items=study.paths.items("train", "query"),
        target_items=study.paths.items("train", "target"),
        images=f"{DATA}/train",
    output:
        reported(study.paths.figures("gallery")),
    log:
        f"{RESULTS}/logs/draw_gallery.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_gallery.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
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
        zero_shot=study.scores(ZERO_SHOT, study.run_prompts),
        tuned=[study.scores(*one) for one in study.tuned_models],
    output:
        reported(study.paths.figures("training_dynamics")),
    log:
        f"{RESULTS}/logs/plot_dynamics.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_dynamics.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        scores=folder_of_input("tuned", 2),
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        checkpoints=study.steps,
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
        rows=study.paths.rows(study.eval_sets),
        query_items=study.paths.items("eval", "query"),
        target_items=study.paths.items("eval", "target"),
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
        **study.resources.asks("embed"),
    params:
        common=jobs.analysing(),
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
        rows=study.paths.rows(study.eval_sets),
    output:
        reported(study.paths.figures("attention_mass", "layers")),
    log:
        f"{RESULTS}/logs/plot_analyses.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_analyses.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        out=folder_of_output(),
    shell:
        "python scripts/plot_analyses.py --attention {input.attention} --layers {input.layers}"
        " --rows {input.rows} --out {params.out} > {log} 2>&1"
