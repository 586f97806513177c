# Evaluation: Precision@1 of every data set, all data sets of a model and prompt in one process.
# in:  rows/<dataset>.parquet, embeddings/<model>/<prompt>/eval_<side>.npy
# out: scores/<model>/<prompt>/<dataset>.json and <dataset>.predictions.parquet
# by:  score_subset.py (a job list of the data sets)


rule evaluate:
    input:
        expand(f"{RESULTS}/scores/{ZERO_SHOT}/{{prompt}}", prompt=PROMPTS),


rule score_subset:
    input:
        program("score_subset.py"),
        register=rules.build_benchmark.output.register,
        rows=f"{RESULTS}/rows",
        query=f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_query.npy",
        target=f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_target.npy",
        manifests=[
            f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_query.json",
            f"{RESULTS}/embeddings/{{model}}/{{prompt}}/eval_target.json",
        ],
    output:
        scores=directory(f"{RESULTS}/scores/{{model}}/{{prompt}}"),
    log:
        f"{RESULTS}/logs/score_subset/{{model}}_{{prompt}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_subset/{{model}}_{{prompt}}.tsv"
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../envs/mining-cpu.yaml"
    shell:
        "python -c 'import csv, json, sys; print(json.dumps([dict(subset=row[\"name\"],"
        " rows=sys.argv[2] + \"/\" + row[\"name\"] + \".parquet\","
        " out=sys.argv[3] + \"/\" + row[\"name\"] + \".json\")"
        " for row in csv.DictReader(open(sys.argv[1])) if row[\"part\"] == \"eval\"]))'"
        " {input.register} {input.rows} {output.scores}"
        " | python scripts/score_subset.py --query-embeddings {input.query}"
        " --target-embeddings {input.target} --job-list - > {log} 2>&1"
