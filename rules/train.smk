# Training: a LoRA adapter per run (strategy, prompt, seed), with checkpoints for the dynamics.
# in:  clusters/<strategy>/, pairs/, items/train_<side>.parquet, images below data/train/, the model
# out: adapters/<strategy>_seed<seed>/<prompt>/ (PEFT folder, card, log, checkpoints/); a run that
#      changes more than the strategy says so in its name, such as hns-classic_seed0
# by:  train_adapter.py


rule train:
    input:
        [f"{ADAPTER.format(**run)}/adapter_model.safetensors" for run in RUNS],


rule train_adapter:
    input:
        program("train_adapter.py"),
        [program(name) for name in SEVERAL],
        pairs=expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        clusters=clusters_of_run,
        query_items=f"{RESULTS}/items/train_query.parquet",
        target_items=f"{RESULTS}/items/train_target.parquet",
        images=f"{DATA}/train",
        model=MODEL_FILES,
    output:
        weights=f"{ADAPTER}/adapter_model.safetensors",
        config=f"{ADAPTER}/adapter_config.json",
        card=f"{ADAPTER}/card.json",
        readme=f"{ADAPTER}/README.md",
        processor=f"{ADAPTER}/preprocessor_config.json",
        training_log=f"{ADAPTER}/training_log.jsonl",
        checkpoints=[
            f"{ADAPTER}/checkpoints/step-{step}/{name}"
            for step in CHECKPOINTS
            for name in ("adapter_model.safetensors", "adapter_config.json")
        ],
    log:
        f"{RESULTS}/logs/train_adapter/{{strategy}}_seed{{seed}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_adapter/{{strategy}}_seed{{seed}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: THREADS
    resources:
        **asks("train"),
    params:
        jobs=training_job,
        launcher=launcher(THREADS),
    shell:
        # several processes cannot share a standard input
        "printf '%s' {params.jobs:q} > {log}.jobs.json; {params.launcher}"
        " scripts/train_adapter.py --job-list {log}.jobs.json > {log} 2>&1"
