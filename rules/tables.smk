# Tables: each as CSV, Markdown, LaTeX and HTML from one data frame.
# in:  scores/<model>/<prompt>/, clusters/, false_negatives/, items/, rows/, data/
# out: tables/<name>.csv, .md, .tex, .html
#      benchmarks/cost.* (its numbers differ from run to run)
# by:  tabulate_zero_shot.py, tabulate_prompts.py, tabulate_mining.py, tabulate_runs.py,
#      tabulate_training.py, tabulate_peers.py, tabulate_cost.py, tabulate_generator.py,
#      audit_leakage.py, audit_published.py


COST = study.paths.tables("cost", folder="benchmarks")
FINAL_SCORES = [study.scores(*one) for one in study.final_models]


rule tables:
    input:
        study.paths.tables("zero_shot", "zero_shot_datasets", "zero_shot_tests"),
        study.paths.tables("mining", "mining_subsets", "mining_statistics") if study.mines else [],
        study.paths.tables("grid", "minimal_pairs") if study.knows_equivalences else [],
        study.paths.tables("runs", "runs_datasets", "runs_tests", "runs_tests_datasets")
        if study.trains
        else [],
        study.paths.tables("sampling", "efficiency", "leakage") if study.trains else [],
        study.paths.tables("peers_zero_shot", "peers_fine_tuned", "peers_datasets", "backbones"),
        study.paths.tables("sugarcrepe", "sugarcrepe_pp"),
        study.paths.tables("prompts", "settings", "published_audit"),
        study.paths.tables("generator") if study.generates else [],
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
        scores=folder_of_input("scores", 1),
        prompts=study.prompts,
        published=flags(
            {
                "backbone": config["published"]["backbone"],
                "released_as": config["published"]["released_as"] or None,
            }
        ),
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_zero_shot.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} {params.published} --out {params.out} > {log} 2>&1"


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
            out=folder_of_output(),
        shell:
            "python scripts/tabulate_generator.py --card {input.card} --out {params.out}"
            " > {log} 2>&1"


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
        clusters=folder_of_input("clusters", 1),
        strategies=study.mined,
        subsets=study.train_sets,
        known=jobs.reporting_mining() if study.knows_equivalences else "",
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_mining.py --clusters {params.clusters}"
        " --strategies {params.strategies} --subsets {params.subsets} {params.known}"
        " --out {params.out} > {log} 2>&1"


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
        scores=folder_of_input("tuned", 2),
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        backbone=config["published"]["backbone"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_runs.py --register {input.register} --scores {params.scores}"
        " --runs {params.runs} --seeds {params.seeds} --backbone {params.backbone}"
        " --out {params.out} > {log} 2>&1"


rule tabulate_prompts:
    input:
        program("tabulate_prompts.py"),
        register=BENCHMARK.register,
        rows=study.paths.rows(study.eval_sets),
        item_files=study.items(["eval"]),
        vectors=[
            study.paths.vectors(ZERO_SHOT, prompt)[side]
            for prompt in study.prompts
            for side in SIDES
        ],
        scores=study.scores(ZERO_SHOT, study.prompts),
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
        rows=folder_of_input("rows"),
        item_folder=folder_of_input("item_files"),
        embeddings=folder_of_input("vectors", 1),
        scores=folder_of_input("scores", 1),
        prompts=study.prompts,
        reference=study.mine_prompt,
        seed=config["seed"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_prompts.py --register {input.register} --rows {params.rows}"
        " --items {params.item_folder} --embeddings {params.embeddings} --scores {params.scores}"
        " --prompts {params.prompts} --reference {params.reference} --seed {params.seed}"
        " --out {params.out} > {log} 2>&1"


rule tabulate_training:
    input:
        program("tabulate_training.py"),
        register=BENCHMARK.register,
        clusters=clusters_of([*study.strategies, *study.mined_apart], "json"),
        rates=f"{RESULTS}/false_negatives/all.json" if study.knows_equivalences else [],
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
        scores=folder_of_input("tuned", 2),
        rates=f"--rates {RESULTS}/false_negatives/all.json" if study.knows_equivalences else "",
        adapters=folder_of_input("cards", 2),
        clusters=folder_of_input("clusters", 1),
        strategies=study.strategies,
        subsets=study.train_sets,
        runs=study.run_names,
        prompt=study.mine_prompt,
        seeds=config["train"]["seeds"],
        checkpoints=study.steps,
        steps=config["train"]["steps"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_training.py --register {input.register} --scores {params.scores}"
        " --adapters {params.adapters} --clusters {params.clusters} {params.rates}"
        " --strategies {params.strategies} --subsets {params.subsets} --runs {params.runs}"
        " --prompt {params.prompt} --seeds {params.seeds} --checkpoints {params.checkpoints}"
        " --steps {params.steps} --out {params.out} > {log} 2>&1"


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
        scores=folder_of_input("zero_shot", 2),
        prompts=study.prompts,
        runs=study.run_names,
        seeds=config["train"]["seeds"],
        backbone=config["published"]["backbone"],
        released=flags({"released_as": config["published"]["released_as"] or None}),
        systems=config["published"]["systems"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_peers.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} --runs {params.runs} --seeds {params.seeds}"
        " --backbone {params.backbone} {params.released} --systems {params.systems}"
        " --out {params.out}"
        " > {log} 2>&1"


rule tabulate_cost:
    input:
        program("tabulate_cost.py"),
        FINAL_SCORES,
        study.scores(ZERO_SHOT, study.prompts),
        RATES,
        config=f"{RESULTS}/config.yaml",
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
        results=folder_of_input("config"),
        out=folder_of_output(),
        cost_out=lambda wildcards, output: str(Path(output.cost[0]).parent),
    shell:
        "python scripts/tabulate_cost.py --results {params.results} --config {input.config}"
        " --out {params.out} --cost-out {params.cost_out} > {log} 2>&1"


rule audit_leakage:
    input:
        program("audit_leakage.py"),
        item_files=study.items(["train", "eval"]),
        rows=study.paths.rows(study.eval_sets),
        register=BENCHMARK.register,
        train=f"{DATA}/train",
        eval=f"{DATA}/eval",
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
        item_folder=folder_of_input("item_files"),
        rows=folder_of_input("rows"),
        out=folder_of_output(),
    shell:
        "python scripts/audit_leakage.py --register {input.register} --rows {params.rows}"
        " --items {params.item_folder} --train-images {input.train} --eval-images {input.eval}"
        " --out {params.out} > {log} 2>&1"


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
        out=folder_of_output(),
    shell:
        "python scripts/audit_published.py --out {params.out} > {log} 2>&1"
