# Tables: each as CSV, Markdown, LaTeX and HTML from one data frame.
# in:  scores/<model>/<prompt>/, clusters/, false_negatives/, items/, rows/, data/
# out: tables/<name>.csv, .md, .tex, .html
#      benchmarks/cost.* (its numbers differ from run to run)
# by:  tabulate_zero_shot.py, tabulate_prompts.py, tabulate_mining.py, tabulate_runs.py,
#      tabulate_training.py, tabulate_peers.py, tabulate_cost.py, tabulate_generator.py,
#      tabulate_precisions.py (by its name alone where no prefixes are trained), audit_leakage.py, audit_published.py; ask_generator.py and tabulate_knowledge.py (of text), tabulate_ranks.py


COST = study.paths.tables("cost", folder="benchmarks")
FINAL_SCORES = [study.scores(*one) for one in study.final_models]


rule tables:
    input:
        study.paths.tables("zero_shot", "zero_shot_datasets", "zero_shot_tests"),
        study.paths.tables("mining", "mining_subsets", "mining_statistics")
        if study.compares_mining
        else [],
        study.paths.tables("grid", "minimal_pairs") if study.knows_equivalences else [],
        study.paths.tables("runs", "runs_datasets", "runs_tests", "runs_tests_datasets")
        if study.trains
        else [],
        study.paths.tables("sampling", "efficiency") if study.trains else [],
        study.paths.tables("leakage") if "train" in study.parts else [],
        study.paths.tables("peers_zero_shot", "peers_fine_tuned", "peers_datasets", "backbones"),
        study.paths.tables("sugarcrepe", "sugarcrepe_pp") if study.composes else [],
        study.paths.tables("prompts", "settings", "published_audit", "published_ranks"),
        study.paths.tables("generator") if study.generates else [],
        study.paths.tables("knowledge") if study.asks_generator else [],
        study.paths.tables("precisions") if config["train"]["matryoshka"] else [],
        DOCTOR,
        COST,


rule tabulate_zero_shot:
    input:
        program("tabulate_zero_shot.py"),
        register=BENCHMARK.register,
        scores=study.scores(ZERO_SHOT, study.prompts),
    output:
        reported(study.paths.tables("zero_shot", "zero_shot_datasets", "zero_shot_tests")),
    log:
        f"{RESULTS}/logs/tabulate_zero_shot.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_zero_shot.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        scores=subpath(first("scores"), ancestor=2),
        prompts=study.prompts,
        published=flags(
            {
                "backbone": config["published"]["backbone"],
                "released_as": config["published"]["released_as"] or None,
            }
        ),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_zero_shot.py --register {input.register:q} --scores {params.scores:q}"
        " --prompts {params.prompts:q} {params.published:q} --out {params.out:q} > {log:q} 2>&1"


if study.generates:

    rule tabulate_generator:
        input:
            program("tabulate_generator.py"),
            card=f"{study.paths.generator}/card.json",
        output:
            reported(study.paths.tables("generator")),
        log:
            f"{RESULTS}/logs/tabulate_generator.log",
        benchmark:
            f"{RESULTS}/benchmarks/tabulate_generator.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/tabulate_generator.py --card {input.card:q} --out {params.out:q}"
            " > {log:q} 2>&1"


if study.asks_generator:

    rule ask_generator:
        input:
            program("ask_generator.py"),
            questions=BENCHMARK.questions,
            model=MODEL_FILES,
        output:
            f"{RESULTS}/analysis/answers.json",
        log:
            f"{RESULTS}/logs/ask_generator.log",
        benchmark:
            f"{RESULTS}/benchmarks/ask_generator.tsv"
        conda:
            TORCH_ENV
        threads: config["embed"]["threads"]
        resources:
            **study.resources.asks("embed"),
        params:
            model=study.model,
            settings=flags({key: config["embed"][key] for key in ("dtype", "threads")}),
            device=config["device"],
        shell:
            "python scripts/ask_generator.py --model {params.model:q} {params.settings:q}"
            " --device {params.device:q} --questions {input.questions:q} --out {output:q}"
            " > {log:q} 2>&1"

    rule tabulate_knowledge:
        input:
            program("tabulate_knowledge.py"),
            answers=rules.ask_generator.output,
        output:
            reported(study.paths.tables("knowledge")),
        log:
            f"{RESULTS}/logs/tabulate_knowledge.log",
        benchmark:
            f"{RESULTS}/benchmarks/tabulate_knowledge.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/tabulate_knowledge.py --answers {input.answers:q} --out {params.out:q}"
            " > {log:q} 2>&1"


rule tabulate_mining:
    input:
        program("tabulate_mining.py"),
        clusters=clusters_of(study.mined, "json"),
        rates=RATES,
        grid_clusters=rules.mine_grid.output if study.knows_equivalences else [],
        grid_rates=rules.measure_false_negatives.output.grid if study.knows_equivalences else [],
    output:
        reported(study.paths.tables("mining", "mining_subsets", "mining_statistics")),
        reported(study.paths.tables("grid", "minimal_pairs")) if study.knows_equivalences else [],
    log:
        f"{RESULTS}/logs/tabulate_mining.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_mining.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        clusters=subpath(first("clusters"), ancestor=2),
        strategies=study.mined,
        subsets=study.train_sets,
        known=jobs.reporting_mining() if study.knows_equivalences else [],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_mining.py --clusters {params.clusters:q}"
        " --strategies {params.strategies:q} --subsets {params.subsets:q} {params.known:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule tabulate_runs:
    input:
        program("tabulate_runs.py"),
        register=BENCHMARK.register,
        zero_shot=study.scores(ZERO_SHOT, study.run_prompts),
        tuned=FINAL_SCORES,
    output:
        reported(study.paths.tables("runs", "runs_datasets", "runs_tests", "runs_tests_datasets")),
    log:
        f"{RESULTS}/logs/tabulate_runs.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_runs.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        scores=subpath(first("tuned"), ancestor=3),
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        published=flags({"backbone": config["published"]["backbone"]}),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_runs.py --register {input.register:q} --scores {params.scores:q}"
        " --runs {params.runs:q} --seeds {params.seeds:q} {params.published:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule tabulate_prompts:
    input:
        program("tabulate_prompts.py"),
        register=BENCHMARK.register,
        rows=rules.prepare_items.output.rows,
        item_files=study.items(["eval"]),
        vectors=[
            study.paths.vectors(ZERO_SHOT, prompt)[side]
            for prompt in study.prompts
            for side in SIDES
        ],
        scores=study.scores(ZERO_SHOT, study.prompts),
        further=study.prompt_files,
    output:
        reported(study.paths.tables("prompts")),
    log:
        f"{RESULTS}/logs/tabulate_prompts.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_prompts.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("score"),
    params:
        rows=subpath(first("rows"), parent=True),
        item_folder=subpath(first("item_files"), parent=True),
        embeddings=subpath(first("vectors"), ancestor=2),
        scores=subpath(first("scores"), ancestor=2),
        prompts=study.prompts,
        further=flags(jobs.prompt_file()),
        reference=study.mine_prompt,
        seed=config["seed"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_prompts.py --register {input.register:q} --rows {params.rows:q}"
        " --items {params.item_folder:q} --embeddings {params.embeddings:q} --scores {params.scores:q}"
        " --prompts {params.prompts:q} {params.further:q} --reference {params.reference:q} --seed {params.seed:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule tabulate_training:
    input:
        program("tabulate_training.py"),
        register=BENCHMARK.register,
        clusters=clusters_of([*study.strategies, *study.mined_apart], "json"),
        rates=study.pooled_rates,
        cards=[f"{study.paths.adapter_of(run.model, run.prompt)}/card.json" for run in study.runs],
        training_logs=[
            f"{study.paths.adapter_of(run.model, run.prompt)}/training_log.jsonl"
            for run in study.runs
        ],
        zero_shot=study.scores(ZERO_SHOT, study.run_prompts),
        tuned=[study.scores(*one) for one in study.tuned_models],
    output:
        reported(study.paths.tables("sampling", "efficiency")),
    log:
        f"{RESULTS}/logs/tabulate_training.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_training.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        scores=subpath(first("tuned"), ancestor=3),
        rates=flags({"rates": study.pooled_rates or None}),
        adapters=subpath(first("cards"), ancestor=3),
        clusters=subpath(first("clusters"), ancestor=2),
        strategies=study.strategies,
        subsets=study.train_sets,
        runs=study.run_names,
        prompt=study.mine_prompt,
        seeds=config["train"]["seeds"],
        checkpoints=study.steps,
        steps=config["train"]["steps"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_training.py --register {input.register:q} --scores {params.scores:q}"
        " --adapters {params.adapters:q} --clusters {params.clusters:q} {params.rates:q}"
        " --strategies {params.strategies:q} --subsets {params.subsets:q} --runs {params.runs:q}"
        " --prompt {params.prompt:q} --seeds {params.seeds:q} --checkpoints {params.checkpoints:q}"
        " --steps {params.steps:q} --out {params.out:q} > {log:q} 2>&1"


rule precisions:
    input:
        study.paths.tables("precisions"),


rule tabulate_precisions:
    input:
        program("tabulate_precisions.py"),
        rows=rules.prepare_items.output.rows,
        vectors=[
            path
            for model, prompt in study.sized_models
            for path in study.paths.vectors(model, prompt).values()
        ],
    output:
        reported(study.paths.tables("precisions")),
    log:
        f"{RESULTS}/logs/tabulate_precisions.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_precisions.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("score"),
    params:
        embeddings=subpath(first("vectors"), ancestor=3),
        models=[f"{model}/{prompt}" for model, prompt in study.sized_models],
        dims=flags({"dims": config["train"]["matryoshka"] or None}),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_precisions.py --rows {input.rows:q} --models {params.models:q}"
        " --embeddings {params.embeddings:q} {params.dims:q} --out {params.out:q} > {log:q} 2>&1"


rule tabulate_peers:
    input:
        program("tabulate_peers.py"),
        register=BENCHMARK.register,
        zero_shot=study.scores(ZERO_SHOT, sorted({*study.prompts, *study.run_prompts})),
        tuned=FINAL_SCORES,
    output:
        reported(
            study.paths.tables(
                "peers_zero_shot", "peers_fine_tuned", "peers_datasets", "backbones"
            )
        ),
    log:
        f"{RESULTS}/logs/tabulate_peers.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_peers.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        scores=subpath(first("zero_shot"), ancestor=3),
        prompts=study.prompts,
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        published=flags(
            {
                "backbone": config["published"]["backbone"],
                "released_as": config["published"]["released_as"] or None,
            }
        ),
        systems=config["published"]["systems"],
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_peers.py --register {input.register:q} --scores {params.scores:q}"
        " --prompts {params.prompts:q} --runs {params.runs:q} --seeds {params.seeds:q}"
        " {params.published:q} --systems {params.systems:q}"
        " --out {params.out:q}"
        " > {log:q} 2>&1"


rule tabulate_cost:
    input:
        program("tabulate_cost.py"),
        FINAL_SCORES,
        study.scores(ZERO_SHOT, study.prompts),
        RATES,
        config=study.paths.config,
    output:
        reported(study.paths.tables("settings")),
        cost=reported(COST),
    log:
        f"{RESULTS}/logs/tabulate_cost.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_cost.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        results=subpath(input.config, parent=True),
        out=subpath(output[0], parent=True),
        cost_out=subpath(lambda wildcards, output: output.cost[0], parent=True),
    shell:
        "python scripts/tabulate_cost.py --results {params.results:q} --config {input.config:q}"
        " --out {params.out:q} --cost-out {params.cost_out:q} > {log:q} 2>&1"


rule audit_leakage:
    input:
        program("audit_leakage.py"),
        item_files=study.items(["train", "eval"]),
        rows=rules.prepare_items.output.rows,
        register=BENCHMARK.register,
        train=study.paths.images("train"),
        eval=study.paths.images("eval"),
    output:
        reported(study.paths.tables("leakage")),
    log:
        f"{RESULTS}/logs/audit_leakage.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_leakage.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("score"),
    params:
        item_folder=subpath(first("item_files"), parent=True),
        rows=subpath(first("rows"), parent=True),
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/audit_leakage.py --register {input.register:q} --rows {params.rows:q}"
        " --items {params.item_folder:q} --train-images {input.train:q} --eval-images {input.eval:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule audit_published:
    input:
        program("audit_published.py"),
    output:
        reported(study.paths.tables("published_audit")),
    log:
        f"{RESULTS}/logs/audit_published.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_published.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/audit_published.py --out {params.out:q} > {log:q} 2>&1"


rule tabulate_ranks:
    input:
        program("tabulate_ranks.py"),
    output:
        reported(study.paths.tables("published_ranks")),
    log:
        f"{RESULTS}/logs/tabulate_ranks.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_ranks.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **study.resources.asks("small"),
    params:
        out=subpath(output[0], parent=True),
    shell:
        "python scripts/tabulate_ranks.py --out {params.out:q} > {log:q} 2>&1"
