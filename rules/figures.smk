# Figures: each as PDF and PNG, with a CSV of what is drawn and its caption.
# in:  tables/, scores/, adapters/ (logs), clusters/, worked/, false_negatives/, embeddings/base/
# out: figures/<name>.pdf, .png, .csv, .md
#      analysis/: what is measured for figures alone, on the model itself
# by:  plot_scores.py, plot_umap.py, plot_mining.py, plot_grid.py, draw_gallery.py, draw_saha.py, plot_dynamics.py,
#      plot_generators.py (of text: beside the last published mini);
#      analyse_attention.py, analyse_layers.py and plot_analyses.py


rule figures:
    input:
        study.paths.figures("prompt_scores", "umap", "attention_mass", "layers"),
        study.paths.figures("training_dynamics", "task_scores") if study.trains else [],
        study.paths.figures("hardness_overlap") if study.compares_mining else [],
        study.paths.figures("false_negative_rate", "grid_map") if study.knows_equivalences else [],
        study.paths.figures("gallery")
        if study.knows_equivalences and {"hns", "saha"} <= set(study.mined)
        else [],
        study.paths.figures("saha_worked") if study.works_saha else [],
        study.paths.figures("both_generators") if study.asks_generator else [],


rule plot_scores:
    input:
        program("plot_scores.py"),
        prompts=study.paths.data_of("zero_shot"),
        datasets=study.paths.data_of("runs_datasets") if study.trains else [],
        rows=rules.prepare_items.output.rows,
        pairs=rules.prepare_items.output.pairs,
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
        datasets=flags({"datasets": study.paths.data_of("runs_datasets") if study.trains else None}),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/plot_scores.py --prompts {input.prompts:q} {params.datasets:q}"
        " --rows {input.rows:q} --pairs {input.pairs:q} --out {params.out:q} > {log:q} 2>&1"


rule plot_umap:
    input:
        program("plot_umap.py"),
        register=BENCHMARK.register,
        rows=rules.prepare_items.output.rows,
        vectors=[
            study.paths.vectors(*model)[side] for model in study.mapped_models for side in SIDES
        ],
        scores=[study.scores(*model) for model in study.mapped_models],
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
        rows=subpath(first("rows"), parent=True),
        embeddings=subpath(first("vectors"), ancestor=3),
        scores=subpath(first("scores"), ancestor=3),
        models=["/".join(model) for model in study.mapped_models],
        queries=config["figures"]["umap_queries"],
        seed=config["seed"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/plot_umap.py --register {input.register:q} --rows {params.rows:q}"
        " --embeddings {params.embeddings:q} --scores {params.scores:q} --models {params.models:q}"
        " --queries {params.queries:q} --seed {params.seed:q} --out {params.out:q} > {log:q} 2>&1"


rule plot_mining:
    input:
        program("plot_mining.py"),
        register=BENCHMARK.register,
        pairs=rules.prepare_items.output.pairs,
        clusters=clusters_of(study.mined, "parquet"),
        rates=study.pooled_rates,
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
        clusters=subpath(first("clusters"), ancestor=2),
        strategies=study.mined,
        rates=flags({"rates": study.pooled_rates or None}),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/plot_mining.py --pairs {input.pairs:q} --clusters {params.clusters:q}"
        " --strategies {params.strategies:q} {params.rates:q} --register {input.register:q}"
        " --out {params.out:q} > {log:q} 2>&1"


if study.knows_equivalences:

    rule plot_grid:
        input:
            program("plot_grid.py"),
            grid=study.paths.data_of("grid"),
        output:
            reported(study.paths.figures("grid_map")),
        log:
            f"{RESULTS}/logs/plot_grid.log",
        benchmark:
            f"{RESULTS}/benchmarks/plot_grid.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            k=config["mine"]["k"],
            m=config["mine"]["m"],
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/plot_grid.py --grid {input.grid:q} --k {params.k:q} --m {params.m:q}"
            " --out {params.out:q} > {log:q} 2>&1"


rule draw_gallery:
    input:
        program("draw_gallery.py"),
        pairs=rules.prepare_items.output.pairs,
        known=study.paths.equivalences("train", study.train_sets),
        clusters=clusters_of(["hns", "saha"], "parquet"),
        query_items=study.paths.items("train", "query"),
        target_items=study.paths.items("train", "target"),
        images=study.paths.images("train"),
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
        clusters=subpath(first("clusters"), ancestor=2),
        rows=config["figures"]["gallery_rows"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/draw_gallery.py --pairs {input.pairs:q} --equivalences {input.known:q}"
        " --clusters {params.clusters:q} --strategy hns --instead saha"
        " --query-items {input.query_items:q} --target-items {input.target_items:q}"
        " --image-root {input.images:q} --rows {params.rows:q} --out {params.out:q} > {log:q} 2>&1"


if study.works_saha:

    rule draw_saha:
        input:
            program("draw_saha.py"),
            worked=rules.trace_anchor.output,
            query_items=study.paths.items("train", "query"),
            target_items=study.paths.items("train", "target"),
            images=study.paths.images("train"),
        output:
            reported(study.paths.figures("saha_worked")),
        log:
            f"{RESULTS}/logs/draw_saha.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_saha.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/draw_saha.py --worked {input.worked:q}"
            " --query-items {input.query_items:q} --target-items {input.target_items:q}"
            " --image-root {input.images:q} --out {params.out:q} > {log:q} 2>&1"


rule plot_dynamics:
    input:
        program("plot_dynamics.py"),
        register=BENCHMARK.register,
        zero_shot=study.scores(ZERO_SHOT, study.run_prompts),
        tuned=[study.scores(*one) for one in study.tuned_models],
        logs=[
            f"{study.paths.adapter_of(run.model, run.prompt)}/training_log.jsonl"
            for run in study.runs
        ],
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
        scores=subpath(first("tuned"), ancestor=3),
        adapters=subpath(first("logs"), ancestor=3),
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        checkpoints=study.steps,
        steps=config["train"]["steps"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/plot_dynamics.py --register {input.register:q} --scores {params.scores:q}"
        " --adapters {params.adapters:q}"
        " --runs {params.runs:q} --seeds {params.seeds:q} --checkpoints {params.checkpoints:q}"
        " --steps {params.steps:q} --out {params.out:q} > {log:q} 2>&1"


rule analyse_model:
    input:
        program("analyse_attention.py"),
        program("analyse_layers.py"),
        rows=rules.prepare_items.output.rows,
        query_items=rules.prepare_items.output.eval_query,
        target_items=rules.prepare_items.output.eval_target,
        images=study.paths.images("eval"),
        model=MODEL_FILES,
        prompts=study.prompt_files,
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
        "python scripts/analyse_attention.py {params.common:q} --items {input.query_items:q}"
        " --count {params.queries:q} --out {output.attention:q} > {log:q} 2>&1"
        " && python scripts/analyse_layers.py {params.common:q} --rows {input.rows:q}"
        " --query-items {input.query_items:q} --target-items {input.target_items:q}"
        " --rows-per-set {params.rows:q} --out {output.layers:q} >> {log:q} 2>&1"


rule plot_analyses:
    input:
        program("plot_analyses.py"),
        attention=rules.analyse_model.output.attention,
        layers=rules.analyse_model.output.layers,
        rows=rules.prepare_items.output.rows,
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
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/plot_analyses.py --attention {input.attention:q} --layers {input.layers:q}"
        " --rows {input.rows:q} --out {params.out:q} > {log:q} 2>&1"


if study.asks_generator:

    rule plot_generators:
        input:
            program("plot_generators.py"),
            ours=study.paths.data_of("zero_shot"),
            mini="paper_figures/zero_shot.csv",
        output:
            reported(study.paths.figures("both_generators")),
        log:
            f"{RESULTS}/logs/plot_generators.log",
        benchmark:
            f"{RESULTS}/benchmarks/plot_generators.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            name=Path(config["model"]["name"]).name,
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/plot_generators.py --zero-shot {input.ours:q} {input.mini:q}"
            " --names {params.name:q} 'the mini generator' --out {params.out:q} > {log:q} 2>&1"
