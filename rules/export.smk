# Export: a model out of the study, as a folder that sentence-transformers and mteb load.
# in:  the model, adapters/<run>/<prompt>/, leaderboard/<run>/<prompt>.json (scores for the card)
# out: export/<model>/<prompt>/ (weights with the adapter merged, processor, chat template, card)
# by:  export_model.py; asked for by its name alone: each holds all of the model's weights


rule export:
    input:
        study.exports,


rule export_model:
    input:
        program("export_model.py"),
        model=MODEL_FILES,
        prompts=study.prompt_files,
        adapter=lambda wildcards: study.adapter_files(wildcards.model, wildcards.prompt),
        leaderboard=study.paths.leaderboard("{model}", "{prompt}"),
    output:
        directory(study.paths.export("{model}", "{prompt}")),
    log:
        f"{RESULTS}/logs/export_model/{{model}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_model/{{model}}_{{prompt}}.tsv"
    conda:
        TORCH_ENV
    threads: config["embed"]["threads"]
    resources:
        **study.resources.asks("embed"),
    params:
        jobs=lambda wildcards: jobs.exporting(wildcards.model, wildcards.prompt),
    shell:
        "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
        " python scripts/export_model.py --job-list {log:q}.jobs.json > {log:q} 2>&1"
