# Report: what makes a run comparable with another.
# in:  everything under results/<experiment>/
# out: digest.tsv
# by:  digest_results.py


rule digest:
    input:
        f"{RESULTS}/digest.tsv",


rule digest_results:
    input:
        program("digest_results.py"),
        rules.tables.input,
        rules.figures.input,
    output:
        f"{RESULTS}/digest.tsv",
    log:
        f"{RESULTS}/logs/digest_results.log",
    benchmark:
        f"{RESULTS}/benchmarks/digest_results.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        results=folder_of_output(),
    shell:
        "python scripts/digest_results.py --results {params.results} --out {output} > {log} 2>&1"
