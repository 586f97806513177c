# Compositions: SugarCrepe and SugarCrepe++, zero-shot under every prompt and of the final adapters.
# in:  data/composition/ in the published layouts (data.smk), embeddings/<model>/<prompt>/
# out: compositions/, scores/<model>/<prompt>/sugarcrepe/, sugarcrepe_pp/, tables/sugarcrepe*
# by:  prepare_compositions.py (in the job of prepare_items), score_compositions.py,
#      tabulate_compositions.py

if study.composes:

    COMPOSED = [(ZERO_SHOT, prompt) for prompt in study.prompts] + study.final_models

    rule score_compositions:
        input:
            program("score_compositions.py"),
            rules.prepare_items.output.compositions,
            [list(study.paths.vectors(*one, "composition").values()) for one in COMPOSED],
        output:
            [study.paths.composition_scores(*one) for one in COMPOSED],
        log:
            f"{RESULTS}/logs/score_compositions.log",
        benchmark:
            f"{RESULTS}/benchmarks/score_compositions.tsv"
        conda:
            "../envs/mining-cpu.yaml"
        resources:
            **study.resources.asks("score"),
        params:
            jobs=lambda wildcards: jobs.scoring_compositions(COMPOSED),
        shell:
            "printf '%s' {params.jobs:q} > {log:q}.jobs.json;"
            " python scripts/score_compositions.py --job-list {log:q}.jobs.json"
            " > {log:q} 2>&1"

    rule tabulate_compositions:
        input:
            program("tabulate_compositions.py"),
            zero_shot=[
                study.paths.composition_scores(ZERO_SHOT, prompt) for prompt in study.prompts
            ],
            tuned=[study.paths.composition_scores(*one) for one in study.final_models],
        output:
            reported(study.paths.tables("sugarcrepe", "sugarcrepe_pp")),
        log:
            f"{RESULTS}/logs/tabulate_compositions.log",
        benchmark:
            f"{RESULTS}/benchmarks/tabulate_compositions.tsv"
        conda:
            "../envs/reporting.yaml"
        resources:
            **study.resources.asks("small"),
        params:
            scores=subpath(first("zero_shot"), ancestor=4),
            sets="published" if study.downloads else "generated",
            prompts=study.prompts,
            runs=study.run_names,
            seeds=config["train"]["seeds"],
            out=subpath(output[0], parent=True),
        shell:
            "python scripts/tabulate_compositions.py --scores {params.scores:q}"
            " --sets {params.sets:q} --prompts {params.prompts:q} --runs {params.runs:q}"
            " --seeds {params.seeds:q} --out {params.out:q} > {log:q} 2>&1"
