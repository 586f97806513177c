# Embedding: every unique item of a part once per model and prompt, both sides in one process.
# in:  items/<part>_<side>.parquet, images below data/<part>/, the model
# out: embeddings/<model>/<prompt>/<part>_<side>.npy with manifest
# by:  embed_items.py (a job list of the two sides)


rule embed:
    input:
        expand(
            f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/eval_{{side}}.npy",
            prompt=PROMPTS,
            side=SIDES,
        ),


rule embed_items:
    input:
        program("embed_items.py"),
        expand(f"{RESULTS}/items/{{{{part}}}}_{{side}}.parquet", side=SIDES),
        images=f"{DATA}/{{part}}",
        model=rules.train_generator.output,
    output:
        query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_query.npy",
        target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_target.npy",
        query_manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_query.json",
        target_manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_target.json",
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
