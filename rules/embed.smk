# Embedding: every unique item of a part once per model and prompt, in one process all that is
# evaluated: MMEB's sets and the compositional ones.
# in:  items/<part>_<side>.parquet, images below data/<part>/, the model or adapters of it
# out: embeddings/<model>/<prompt>/<part>_<side>.npy with manifest
# by:  embed_items.py (a job list; a run's checkpoints and its final adapter in one process);
#      with more than one shard also merge_embeddings.py, which joins the shards by row range

# one job makes all rows of a part, or one shard of them
SHARD = f"{{shard}}of{study.shards}" if study.shards > 1 else ""
SUFFIX = "_{shard}" if study.shards > 1 else ""


rule embed:
    input:
        [list(study.evaluated_vectors(ZERO_SHOT, prompt).values()) for prompt in study.prompts],


rule embed_items:
    input:
        program("embed_items.py"),
        study.items(study.evaluated),
        images=[BENCHMARK[part] for part in study.evaluated],
        model=MODEL_FILES,
        prompts=study.prompt_files,
    output:
        **study.evaluated_vectors(ZERO_SHOT, "{prompt}", SHARD),
    log:
        f"{RESULTS}/logs/embed_items/{ZERO_SHOT}_{{prompt}}{SUFFIX}.log",
    # Snakemake allows no benchmark where it may take the outputs from its cache: time and memory
    # stand in the .run.json
    cache: True
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"] + config["embed"]["workers"]
    resources:
        **study.resources.asks("embed"),
    params:
        jobs=lambda wildcards: jobs.embedding(
            wildcards.prompt, study.evaluated, SHARD.format(**wildcards)
        ),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/embed_items.py --job-list {log:q}.jobs.json > {log:q} 2>&1"


use rule embed_items as embed_training with:
    input:
        program("embed_items.py"),
        study.items(["train"]),
        images=study.paths.images("train"),
        model=MODEL_FILES,
        prompts=study.prompt_files,
        adapter=study.mined_adapter,
    output:
        **study.paths.vectors(ZERO_SHOT, "{prompt}", "train", SHARD),
    log:
        f"{RESULTS}/logs/embed_training/{ZERO_SHOT}_{{prompt}}{SUFFIX}.log",
    cache: True  # is not inherited
    params:
        jobs=lambda wildcards: jobs.embedding(
            wildcards.prompt, ["train"], SHARD.format(**wildcards)
        ),


if study.shards > 1:

    rule merge_embeddings:
        input:
            program("merge_embeddings.py"),
            [list(files.values()) for files in jobs.shards("{prompt}", "{part}")],
        output:
            **study.paths.vectors(ZERO_SHOT, "{prompt}", "{part}"),
        log:
            f"{RESULTS}/logs/merge_embeddings/{ZERO_SHOT}_{{prompt}}_{{part}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/merge_embeddings/{ZERO_SHOT}_{{prompt}}_{{part}}.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            jobs=lambda wildcards: jobs.merging(wildcards.prompt, wildcards.part),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/merge_embeddings.py --job-list {log:q}.jobs.json"
            " > {log:q} 2>&1"


rule embed_adapted:
    input:
        program("embed_items.py"),
        study.items(study.evaluated),
        rules.train_adapter.output,
        images=[BENCHMARK[part] for part in study.evaluated],
        model=MODEL_FILES,
        prompts=study.prompt_files,
    output:
        [
            list(study.paths.vectors(model, "{prompt}").values())
            for model in study.models_of_any_run()[:-1]
        ],
        list(study.evaluated_vectors("{run}", "{prompt}").values()),
    log:
        f"{RESULTS}/logs/embed_adapted/{{run}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_adapted/{{run}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"] + config["embed"]["workers"]
    resources:
        **study.resources.asks("embed"),
    params:
        jobs=lambda wildcards: jobs.embedding_adapted(study.run(wildcards.run, wildcards.prompt)),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/embed_items.py --job-list {log:q}.jobs.json > {log:q} 2>&1"
