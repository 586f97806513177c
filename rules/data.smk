# Data: images and rows in MMEB's schemas, then items, pairs and rows by id.
# in:  the packages with emoji graphics and names
# out: data/ (benchmark, checksums, credits), items/, pairs/, rows/, equivalences/
# by:  build_benchmark.py, prepare_items.py

DATA = f"{RESULTS}/data"
TRAIN_SETS = names("mini", "train")
EVAL_SETS = names("mini", "eval")


rule data:
    input:
        expand(f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=["train", "eval"], side=SIDES),
        f"{DATA}/contact_sheet.png",


rule build_benchmark:
    input:
        program("build_benchmark.py"),
    output:
        register=f"{DATA}/datasets.csv",
        train=directory(f"{DATA}/train"),
        eval=directory(f"{DATA}/eval"),
        photos=f"{DATA}/generator/photos.npy",
        metadata=f"{DATA}/generator/photos.parquet",
        checksums=f"{DATA}/checksums.tsv",
        credits=f"{DATA}/README.md",
        sheet=f"{DATA}/contact_sheet.png",
    log:
        f"{RESULTS}/logs/build_benchmark.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_benchmark.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        out=folder_of_output(),
        flags=flags({"seed": config["seed"], **config["benchmark"]}),
    shell:
        "python scripts/build_benchmark.py --out {params.out} {params.flags} > {log} 2>&1"


rule prepare_items:
    input:
        program("prepare_items.py"),
        register=rules.build_benchmark.output.register,
        train=rules.build_benchmark.output.train,
        eval=rules.build_benchmark.output.eval,
    output:
        expand(f"{RESULTS}/items/{{part}}_{{side}}.parquet", part=["train", "eval"], side=SIDES),
        expand(f"{RESULTS}/pairs/{{name}}.parquet", name=TRAIN_SETS),
        expand(f"{RESULTS}/rows/{{name}}.parquet", name=EVAL_SETS),
        expand(f"{RESULTS}/equivalences/train/{{name}}.parquet", name=TRAIN_SETS),
        expand(f"{RESULTS}/equivalences/eval/{{name}}.parquet", name=EVAL_SETS),
    log:
        f"{RESULTS}/logs/prepare_items.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_items.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        data=folder_of_input("register"),
        out=folder_of_output(1),
    shell:
        "python scripts/prepare_items.py --data {params.data} --out {params.out} > {log} 2>&1"
