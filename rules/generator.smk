# Generator: the mini experiment's small Qwen2-VL, trained from scratch to generate text.
# in:  data/generator/photos.npy, photos.parquet
# out: generator/ (a transformers folder with its card and log)
# by:  train_generator.py

GENERATOR = f"{RESULTS}/generator"


rule generator:
    input:
        f"{GENERATOR}/model.safetensors",


rule train_generator:
    input:
        program("train_generator.py"),
        photos=rules.build_benchmark.output.photos,
        metadata=rules.build_benchmark.output.metadata,
    output:
        weights=f"{GENERATOR}/model.safetensors",
        config=f"{GENERATOR}/config.json",
        generation=f"{GENERATOR}/generation_config.json",
        tokenizer=f"{GENERATOR}/tokenizer.json",
        tokenizer_config=f"{GENERATOR}/tokenizer_config.json",
        processor=f"{GENERATOR}/processor_config.json",
        template=f"{GENERATOR}/chat_template.jinja",
        training_log=f"{GENERATOR}/training_log.jsonl",
        card=f"{GENERATOR}/card.json",
        readme=f"{GENERATOR}/README.md",
    log:
        f"{RESULTS}/logs/train_generator.log",
    # Snakemake allows no benchmark where it may take the outputs from its cache: time and memory
    # stand in the .run.json
    cache: True
    conda:
        TORCH_ENV
    threads: config["generator"]["threads"]
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        out=folder_of_output(),
        flags=flags({"seed": config["seed"], **config["generator"]}),
    shell:
        "python scripts/train_generator.py --photos {input.photos} --metadata {input.metadata}"
        " --out {params.out} {params.flags} > {log} 2>&1"
