# Figures: each as PDF and PNG, with a CSV of what is drawn and its caption.
# in:  tables/, scores/
# out: figures/<name>.pdf, .png, .csv, .md
# by:  plot_prompt_scores.py

FIGURE_FILES = ["pdf", "png", "csv", "md"]


rule figures:
    input:
        expand(f"{RESULTS}/figures/prompt_scores.{{what}}", what=FIGURE_FILES),


rule plot_prompt_scores:
    input:
        program("plot_prompt_scores.py"),
        table=f"{RESULTS}/tables/zero_shot.csv",
    output:
        expand(f"{RESULTS}/figures/prompt_scores.{{what}}", what=FIGURE_FILES),
    log:
        f"{RESULTS}/logs/plot_prompt_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_prompt_scores.tsv"
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        out=folder_of_output(),
    shell:
        "python scripts/plot_prompt_scores.py --table {input.table} --out {params.out}"
        " > {log} 2>&1"
