# Tables: each as CSV, Markdown and LaTeX from one data frame.
# in:  scores/<model>/<prompt>/, data/datasets.csv
# out: tables/<name>.csv, .md, .tex
# by:  tabulate_zero_shot.py

RENDERINGS = ["csv", "md", "tex"]


rule tables:
    input:
        expand(
            f"{RESULTS}/tables/{{name}}.{{what}}",
            name=["zero_shot", "zero_shot_datasets", "zero_shot_tests"],
            what=RENDERINGS,
        ),


rule tabulate_zero_shot:
    input:
        program("tabulate_zero_shot.py"),
        register=rules.build_benchmark.output.register,
        scores=scores_of(ZERO_SHOT, PROMPTS),
    output:
        expand(f"{RESULTS}/tables/zero_shot.{{what}}", what=RENDERINGS),
        expand(f"{RESULTS}/tables/zero_shot_datasets.{{what}}", what=RENDERINGS),
        expand(f"{RESULTS}/tables/zero_shot_tests.{{what}}", what=RENDERINGS),
    log:
        f"{RESULTS}/logs/tabulate_zero_shot.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_zero_shot.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        scores=folder_of_input("scores", 1),
        prompts=PROMPTS,
        out=folder_of_output(),
    shell:
        "python scripts/tabulate_zero_shot.py --register {input.register} --scores {params.scores}"
        " --prompts {params.prompts} --out {params.out} > {log} 2>&1"
