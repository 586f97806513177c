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


def embedding_jobs(wildcards, input, output):
    settings = config["embed"]
    jobs = [
        {
            "role": side,
            "items": f"{RESULTS}/items/{wildcards.part}_{side}.parquet",
            "out": output[side],
        }
        for side in SIDES
    ]
    common = {
        "model": GENERATOR,
        "prompt": wildcards.prompt,
        "image_root": f"{DATA}/{wildcards.part}",
        "threads": config["threads"],
        **{key: settings[key] for key in ("resolution", "max_tokens", "token_budget", "dtype")},
    }
    return json.dumps([common | job for job in jobs])


rule embed_items:
    input:
        program("embed_items.py"),
        items=expand(f"{RESULTS}/items/{{{{part}}}}_{{side}}.parquet", side=SIDES),
        images=f"{DATA}/{{part}}",
        model=rules.train_generator.output,
    output:
        query=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_query.npy",
        target=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_target.npy",
        query_manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_query.json",
        target_manifest=f"{RESULTS}/embeddings/{ZERO_SHOT}/{{prompt}}/{{part}}_target.json",
    params:
        jobs=embedding_jobs,
    log:
        f"{RESULTS}/logs/embed_items/{ZERO_SHOT}_{{prompt}}_{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_items/{ZERO_SHOT}_{{prompt}}_{{part}}.tsv"
    threads: config["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    cache: True
    conda:
        TORCH_ENV
    shell:
        "printf '%s' {params.jobs:q} | python scripts/embed_items.py --job-list - > {log} 2>&1"
