# Embedding: every unique item of a part once per model and prompt, both sides in one process.
# in:  items/<part>_<side>.parquet, images below data/<part>/, the model or adapters of it
# out: embeddings/<model>/<prompt>/<part>_<side>.npy with manifest
# by:  embed_items.py (a job list; a run's checkpoints and its final adapter in one process)


rule embed:
    input:
        [list(vectors_of(ZERO_SHOT, prompt).values()) for prompt in PROMPTS],


rule embed_items:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/{{{{part}}}}_{{side}}.parquet", side=SIDES),
        images=f"{DATA}/{{part}}",
        model=rules.train_generator.output,
    output:
        **vectors_of(ZERO_SHOT, "{prompt}", "{part}"),
    log:
        f"{RESULTS}/logs/embed_items/{ZERO_SHOT}_{{prompt}}_{{part}}.log",
    # Snakemake allows no benchmark where it may take the outputs from its cache: time and memory
    # stand in the .run.json
    cache: True
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        jobs=embedding_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/embed_items.py --job-list - > {log} 2>&1"


rule embed_adapted:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/eval_{{side}}.parquet", side=SIDES),
        rules.train_adapter.output,
        images=f"{DATA}/eval",
        model=rules.train_generator.output,
    output:
        [list(vectors_of(model, "{prompt}").values()) for model in models_of_any_run()],
    log:
        f"{RESULTS}/logs/embed_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_adapted/{{strategy}}_seed{{seed}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"]
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        jobs=adapted_embedding_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/embed_items.py --job-list - > {log} 2>&1"
