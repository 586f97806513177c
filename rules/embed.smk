# Embedding: every unique item of a part once per model and prompt, in one process all that is
# evaluated: MMEB's sets and the compositional ones.
# in:  items/<part>_<side>.parquet, images below data/<part>/, the model or adapters of it
# out: embeddings/<model>/<prompt>/<part>_<side>.npy with manifest
# by:  embed_items.py (a job list; a run's checkpoints and its final adapter in one process);
#      with more than one shard also merge_embeddings.py, which joins the shards by row range

# one job makes all rows of a part, or one shard of them
EMBEDDED_SHARD = "{shard}" if SHARDS > 1 else None
EMBEDDED_SUFFIX = "_{shard}" if SHARDS > 1 else ""


rule embed:
    input:
        [list(evaluated_vectors_of(ZERO_SHOT, prompt).values()) for prompt in PROMPTS],


rule embed_items:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=EVALUATED, side=SIDES),
        images=expand(f"{DATA}/{{part}}", part=EVALUATED),
        model=MODEL_FILES,
    output:
        **evaluated_vectors_of(ZERO_SHOT, "{prompt}", EMBEDDED_SHARD),
    log:
        f"{RESULTS}/logs/embed_items/{ZERO_SHOT}_{{prompt}}{EMBEDDED_SUFFIX}.log",
    # Snakemake allows no benchmark where it may take the outputs from its cache: time and memory
    # stand in the .run.json
    cache: True
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"] + config["embed"]["workers"]
    resources:
        **asks("embed"),
    params:
        jobs=embedding_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/embed_items.py --job-list - > {log} 2>&1"


use rule embed_items as embed_training with:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/train_{{side}}.parquet", side=SIDES),
        images=f"{DATA}/train",
        model=MODEL_FILES,
    output:
        **vectors_of(ZERO_SHOT, "{prompt}", "train", EMBEDDED_SHARD),
    log:
        f"{RESULTS}/logs/embed_training/{ZERO_SHOT}_{{prompt}}{EMBEDDED_SUFFIX}.log",
    cache: True  # is not inherited
    params:
        jobs=training_embedding_jobs,


if SHARDS > 1:

    rule merge_embeddings:
        input:
            program("merge_embeddings.py"),
            [list(files.values()) for files in shards_of("{prompt}", "{part}")],
        output:
            **vectors_of(ZERO_SHOT, "{prompt}", "{part}"),
        log:
            f"{RESULTS}/logs/merge_embeddings/{ZERO_SHOT}_{{prompt}}_{{part}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/merge_embeddings/{ZERO_SHOT}_{{prompt}}_{{part}}.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **asks("small"),
        params:
            jobs=merging_jobs,
        shell:
            "printf '%s' {params.jobs:q} | python scripts/merge_embeddings.py --job-list -"
            " > {log} 2>&1"


rule embed_adapted:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=EVALUATED, side=SIDES),
        rules.train_adapter.output,
        images=expand(f"{DATA}/{{part}}", part=EVALUATED),
        model=MODEL_FILES,
    output:
        [list(vectors_of(model, "{prompt}").values()) for model in models_of_any_run()],
        list(vectors_of(FINAL_MODEL, "{prompt}", "composition").values()),
    log:
        f"{RESULTS}/logs/embed_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"] + config["embed"]["workers"]
    resources:
        **asks("embed"),
    params:
        jobs=adapted_embedding_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/embed_items.py --job-list - > {log} 2>&1"
