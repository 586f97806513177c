# Training: a LoRA adapter per run (strategy, prompt, seed), with checkpoints for the dynamics.
# in:  clusters/<strategy>/, pairs/, items/train_<side>.parquet, images below data/train/, the model
# out: adapters/<strategy>_seed<seed>/<prompt>/ (PEFT folder, card, log, checkpoints/); a run that
#      changes more than the strategy says so in its name, such as hns-classic_seed0
# by:  train_adapter.py


rule train:
    input:
        [
            f"{study.paths.adapter_of(run.model, run.prompt)}/adapter_model.safetensors"
            for run in study.runs
        ],


rule train_adapter:
    input:
        program("train_adapter.py"),
        [program(name) for name in study.resources.launchers],
        pairs=rules.prepare_items.output.pairs,
        clusters=trained_on(
            lambda wildcards: study.clusters_of_run(wildcards.run, wildcards.prompt)
        ),
        revealed=study.revealed,
        further=study.further,
        judged=study.judged,
        query_items=study.paths.items("train", "query"),
        target_items=study.paths.items("train", "target"),
        images=study.paths.images("train"),
        model=MODEL_FILES,
        prompts=study.prompt_files,
    output:
        weights=f"{study.paths.adapter}/adapter_model.safetensors",
        config=f"{study.paths.adapter}/adapter_config.json",
        card=f"{study.paths.adapter}/card.json",
        readme=f"{study.paths.adapter}/README.md",
        # a model of text alone has no processor of images
        processor=[f"{study.paths.adapter}/preprocessor_config.json"] if study.draws else [],
        training_log=f"{study.paths.adapter}/training_log.jsonl",
        checkpoints=[
            f"{study.paths.adapter}/checkpoints/step-{step}/{name}"
            for step in study.steps
            for name in ("adapter_model.safetensors", "adapter_config.json")
        ],
    log:
        f"{RESULTS}/logs/train_adapter/{{run}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_adapter/{{run}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: study.resources.threads
    resources:
        **study.resources.asks("train"),
    params:
        jobs=lambda wildcards: jobs.training(study.run(wildcards.run, wildcards.prompt)),
        launcher=study.resources.launcher(),
    shell:
        # several processes cannot share a standard input
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json; {params.launcher:q}"
        " scripts/train_adapter.py --job-list {log:q}.jobs.json > {log:q} 2>&1"
