# Data: images and rows in MMEB's schemas, then items, pairs and rows by id.
# in:  the packages with emoji graphics and names; or the extract of WordNet beside its library; or
#      the hub, or a copy of it (docs/data.md)
# out: data/ (rows, images, credits), items/, pairs/, rows/, equivalences/, minimal_pairs/, compositions/
#      tables/data_sets, data_findings, dropped_rows (of downloaded data)
# by:  build_benchmark.py, or build_text_benchmark.py, or import_pairs.py (your own), or fetch_data.py and check_data.py;
#      prepare_items.py, prepare_compositions.py

OF_TEXT = ("train_rows", "eval_queries", "candidates", "unseen_fraction")  # of benchmark
ROW_CHOICE = ("train_split", "train_row_cap", "eval_row_cap")  # what prepare_items is told
DROPPED = study.paths.dropped_rows if study.downloads else None  # rows that are left out
DOCTOR = [*study.paths.tables("data_sets", "data_findings"), DROPPED] if study.downloads else []


rule data:
    input:
        study.items(study.parts),
        f"{DATA}/contact_sheet.png" if config["data"]["source"] == "mini" else [],
        DOCTOR,


rule doctor:
    input:
        DOCTOR,


if study.downloads:

    # where Snakemake runs: nodes of a cluster often have no network
    localrules:
        fetch_data,

    rule fetch_data:
        input:
            program("fetch_data.py"),
        output:
            **{part: directory(f"{DATA}/{part}") for part in study.parts},
            register=f"{DATA}/datasets.csv",
            credits=f"{DATA}/README.md",
        log:
            f"{RESULTS}/logs/fetch_data.log",
        benchmark:
            f"{RESULTS}/benchmarks/fetch_data.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **study.resources.asks("prepare"),
        params:
            job=lambda wildcards: jobs.fetching(),
        shell:
            "printf '%s' {params.job:q} > {log:q}.jobs.json;"
            " python scripts/fetch_data.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    rule check_data:
        input:
            program("check_data.py"),
            rules.fetch_data.output,
            register=rules.fetch_data.output.register,
        output:
            reported(DOCTOR),
        log:
            f"{RESULTS}/logs/check_data.log",
        benchmark:
            f"{RESULTS}/benchmarks/check_data.tsv"
        conda:
            "../envs/reporting.yaml"
        threads: 4
        resources:
            **study.resources.asks("prepare"),
        params:
            job=lambda wildcards: jobs.checking(),
        shell:
            "printf '%s' {params.job:q} > {log:q}.jobs.json;"
            " python scripts/check_data.py --job-list {log:q}.jobs.json"
            " --workers {threads:q} > {log:q} 2>&1"

    BENCHMARK = rules.fetch_data.output

elif config["data"]["source"] == "own":

    rule import_pairs:
        input:
            program("import_pairs.py"),
            [config["own"][key] for key in ("table", "corpus") if config["own"][key]],
        output:
            register=f"{DATA}/datasets.csv",
            train=directory(f"{DATA}/train"),
            eval=directory(f"{DATA}/eval"),
            counts=f"{DATA}/imported.json",
            credits=f"{DATA}/README.md",
        log:
            f"{RESULTS}/logs/import_pairs.log",
        benchmark:
            f"{RESULTS}/benchmarks/import_pairs.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **study.resources.asks("prepare"),
        params:
            job=lambda wildcards: jobs.importing(),
        shell:
            "printf '%s' {params.job:q} > {log:q}.jobs.json;"
            " python scripts/import_pairs.py --job-list {log:q}.jobs.json > {log:q} 2>&1"

    BENCHMARK = rules.import_pairs.output

elif config["data"]["source"] == "wordnet":

    rule build_text_benchmark:
        input:
            program("build_text_benchmark.py"),
            wordnet=Path(workflow.basedir) / "scripts/gen2embed/wordnet/wordnet.tsv",
        output:
            register=f"{DATA}/datasets.csv",
            train=directory(f"{DATA}/train"),
            eval=directory(f"{DATA}/eval"),
            questions=f"{DATA}/questions.json",
            credits=f"{DATA}/README.md",
        log:
            f"{RESULTS}/logs/build_text_benchmark.log",
        benchmark:
            f"{RESULTS}/benchmarks/build_text_benchmark.tsv"
        conda:
            "../envs/data.yaml"
        resources:
            **study.resources.asks("prepare"),
        params:
            out=subpath(output[0], parent=True),
            flags=flags({"seed": config["seed"], **{k: config["benchmark"][k] for k in OF_TEXT}}),
        shell:
            "python scripts/build_text_benchmark.py --wordnet {input.wordnet:q} --out {params.out:q}"
            " {params.flags:q} > {log:q} 2>&1"

    BENCHMARK = rules.build_text_benchmark.output

else:

    rule build_benchmark:
        input:
            program("build_benchmark.py"),
        output:
            register=f"{DATA}/datasets.csv",
            train=directory(f"{DATA}/train"),
            eval=directory(f"{DATA}/eval"),
            composition=directory(f"{DATA}/composition"),
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
            **study.resources.asks("prepare"),
        params:
            out=subpath(output[0], parent=True),
            flags=flags({"seed": config["seed"], **config["benchmark"]}),
        shell:
            "python scripts/build_benchmark.py --out {params.out:q} {params.flags:q} > {log:q} 2>&1"

    BENCHMARK = rules.build_benchmark.output


rule prepare_items:
    input:
        program("prepare_items.py"),
        program("prepare_compositions.py"),
        DOCTOR,  # nothing goes on with data that have not been looked at
        [BENCHMARK[part] for part in study.parts],
        register=BENCHMARK.register,
        composition=BENCHMARK.composition if study.composes else [],
    output:
        **study.item_files,
        compositions=study.paths.compositions() if study.composes else [],
        pairs=study.paths.pairs(study.train_sets),
        rows=study.paths.rows(study.eval_sets),
        equivalences=study.equivalences,
        minimal_pairs=study.minimal_pairs,
        further=study.further,
    log:
        f"{RESULTS}/logs/prepare_items.log",
    benchmark:
        f"{RESULTS}/benchmarks/prepare_items.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        **study.resources.asks("prepare"),
    params:
        data=subpath(input.register, parent=True),
        flags=flags({name: config["data"][name] for name in ROW_CHOICE}),
        dropped=flags({"dropped": DROPPED}),
        composes="yes" if study.composes else "no",
        out=subpath(output[0], ancestor=2),
    shell:
        "python scripts/prepare_items.py --data {params.data:q} {params.flags:q} {params.dropped:q}"
        " --out {params.out:q} > {log:q} 2>&1; "
        "if [ {params.composes:q} = yes ]; then"
        " python scripts/prepare_compositions.py --data {input.composition:q}"
        " --image-root {input.composition:q}/images {params.dropped:q} --out {params.out:q}"
        " >> {log:q} 2>&1; fi"
