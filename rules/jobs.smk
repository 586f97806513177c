# Job lists: what the programs that pack many small jobs into one process are told, and the files
# that such a job leaves.


def embedding_jobs(wildcards, input, output):
    jobs = [
        {
            "role": side,
            "items": f"{RESULTS}/items/{wildcards.part}_{side}.parquet",
            "out": output[side],
        }
        for side in SIDES
    ]
    common = {
        "model": GENERATOR,
        "prompt": wildcards.prompt,
        "image_root": f"{DATA}/{wildcards.part}",
        "partial": f"{RESULTS}/partial/embed_items",
        **{key: value for key, value in config["embed"].items() if key != "prompts"},
    }
    return json.dumps([common | job for job in jobs])


def scores_of(model, prompt):
    return expand(
        f"{RESULTS}/scores/{{model}}/{{prompt}}/{{name}}.{{what}}",
        model=model,
        prompt=prompt,
        name=EVAL_SETS,
        what=["json", "predictions.parquet"],
    )


def scoring_jobs(wildcards, input, output):
    folder = f"{RESULTS}/scores/{wildcards.model}/{wildcards.prompt}"
    jobs = [
        {
            "subset": name,
            "rows": f"{RESULTS}/rows/{name}.parquet",
            "query_embeddings": input.query,
            "target_embeddings": input.target,
            "out": f"{folder}/{name}.json",
        }
        for name in EVAL_SETS
    ]
    return json.dumps(jobs)
