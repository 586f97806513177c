# Compositions: SugarCrepe and SugarCrepe++, zero-shot under every prompt and of the final adapters.
# in:  data/composition/ in the published layouts (data.smk), embeddings/<model>/<prompt>/
# out: compositions/, scores/<model>/<prompt>/sugarcrepe/, sugarcrepe_pp/, tables/sugarcrepe*
# by:  prepare_compositions.py (in the job of prepare_items), score_compositions.py,
#      tabulate_compositions.py

COMPOSITION_ROWS = [
    f"{RESULTS}/compositions/{benchmark}/{subset}.parquet"
    for benchmark, subsets in SUBSETS.items()
    for subset in subsets
]


COMPOSED = [(ZERO_SHOT, prompt) for prompt in PROMPTS] + FINAL_MODELS


rule score_compositions:
    input:
        program("score_compositions.py"),
        COMPOSITION_ROWS,
        [list(vectors_of(*one, "composition").values()) for one in COMPOSED],
    output:
        [composition_scores_of(*one) for one in COMPOSED],
    log:
        f"{RESULTS}/logs/score_compositions.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_compositions.tsv"
    conda:
        "../envs/mining-cpu.yaml"
    resources:
        **asks("score"),
    params:
        jobs=composition_jobs,
    shell:
        "printf '%s' {params.jobs:q} | python scripts/score_compositions.py --job-list -"
        " > {log} 2>&1"


rule tabulate_compositions:
    input:
        program("tabulate_compositions.py"),
        zero_shot=[composition_scores_of(ZERO_SHOT, prompt) for prompt in PROMPTS],
        tuned=[composition_scores_of(*one) for one in FINAL_MODELS],
    output:
        reported(tables_named("sugarcrepe", "sugarcrepe_pp")),
    log:
        f"{RESULTS}/logs/tabulate_compositions.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_compositions.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        **asks("small"),
    params:
        scores=folder_of_input("zero_shot", 3),
        sets="published" if MMEB else "generated",
        prompts=PROMPTS,
        runs=RUN_NAMES,
        seeds=config["train"]["seeds"],
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_compositions.py --scores {params.scores}"
        " --sets {params.sets} --prompts {params.prompts} --runs {params.runs}"
        " --seeds {params.seeds} --out {params.out} > {log} 2>&1"
