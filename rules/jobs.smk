# Job lists: what the programs that pack many small jobs into one process are told; and the names
# of models and files that such jobs share. The functions take wildcards alone: Snakemake does not
# watch params that are derived from input or output, and a changed key would re-run nothing.


def model_name(run, step=None):
    """Name of a fine-tuned model among the experiment's models; of a checkpoint with its step."""
    return f"{run['strategy']}_seed{run['seed']}" + (f"_step{step}" if step else "")


def models_of(run):
    """The run's checkpoints and its final adapter: model name -> PEFT folder."""
    folder = ADAPTER.format(**run)
    steps = {model_name(run, step): f"{folder}/checkpoints/step-{step}" for step in CHECKPOINTS}
    return steps | {model_name(run): folder}


def models_of_any_run():
    """Names of a run's models, its wildcards left open."""
    return list(models_of({name: f"{{{name}}}" for name in ("strategy", "seed", "prompt")}))


def vectors_of(model, prompt, part="eval"):
    """Vectors and manifests of both sides, by name."""
    folder = f"{RESULTS}/embeddings/{model}/{prompt}"
    files = {}
    for side in SIDES:
        files[side] = f"{folder}/{part}_{side}.npy"
        files[f"{side}_manifest"] = f"{folder}/{part}_{side}.json"
    return files


def scores_of(model, prompt):
    return expand(
        f"{RESULTS}/scores/{{model}}/{{prompt}}/{{name}}.{{what}}",
        model=model,
        prompt=prompt,
        name=EVAL_SETS,
        what=["json", "predictions.parquet"],
    )


def clusters_of(strategies, what):
    return expand(
        f"{RESULTS}/clusters/{{strategy}}/{{name}}.{{what}}",
        strategy=strategies,
        name=TRAIN_SETS,
        what=what,
    )


def tables_named(*names):
    return expand(
        f"{RESULTS}/tables/{{name}}.{{what}}", name=names, what=["csv", "md", "tex", "html"]
    )


def figures_named(*names):
    return expand(
        f"{RESULTS}/figures/{{name}}.{{what}}", name=names, what=["pdf", "png", "csv", "md"]
    )


def reported(paths):
    """The same files as outputs, those that the report shows marked for it.

    Of a table the HTML, whose caption is inside; of a figure the PNG with its written caption.
    """
    marked = []
    for path in map(Path, paths):
        if path.suffix == ".html":
            marked.append(report(str(path), category="Tables", labels={"table": path.stem}))
        elif path.suffix == ".png":
            caption = path.with_suffix(".md").resolve()
            labels = {"figure": path.stem}
            marked.append(report(str(path), caption, category="Figures", labels=labels))
        else:
            marked.append(str(path))
    return marked


def embedding_jobs_of(model, prompt, part, adapter=None):
    """Both sides of one model, under the settings of evaluation."""
    files = vectors_of(model, prompt, part)
    settings = {key: value for key, value in config["embed"].items() if key != "prompts"}
    common = {
        "model": GENERATOR,
        "adapter": adapter,
        "prompt": prompt,
        "image_root": f"{DATA}/{part}",
        "partial": f"{RESULTS}/partial/embed_items",
    }
    return [
        {
            **common,
            **settings,
            "role": side,
            "items": f"{RESULTS}/items/{part}_{side}.parquet",
            "out": files[side],
        }
        for side in SIDES
    ]


def embedding_jobs(wildcards):
    return json.dumps(embedding_jobs_of(ZERO_SHOT, wildcards.prompt, wildcards.part))


def adapted_embedding_jobs(wildcards):
    models = models_of(dict(wildcards))
    jobs = [
        embedding_jobs_of(model, wildcards.prompt, "eval", folder)
        for model, folder in models.items()
    ]
    return json.dumps(sum(jobs, []))


def scoring_jobs_of(model, prompt):
    files = vectors_of(model, prompt)
    return [
        {
            "subset": name,
            "rows": f"{RESULTS}/rows/{name}.parquet",
            "query_embeddings": files["query"],
            "target_embeddings": files["target"],
            "out": f"{RESULTS}/scores/{model}/{prompt}/{name}.json",
        }
        for name in EVAL_SETS
    ]


def scoring_jobs(wildcards):
    return json.dumps(scoring_jobs_of(ZERO_SHOT, wildcards.prompt))


def adapted_scoring_jobs(wildcards):
    models = models_of(dict(wildcards))
    return json.dumps(sum((scoring_jobs_of(one, wildcards.prompt) for one in models), []))


def mining_job(name, strategy, k, m, folder):
    files = vectors_of(ZERO_SHOT, MINE_PROMPT, "train")
    settings = dict(config["mine"])
    for key in ("prompt", "strategies", "grid"):
        settings.pop(key)
    return {
        **settings,
        "pairs": f"{RESULTS}/pairs/{name}.parquet",
        "query_embeddings": files["query"],
        "target_embeddings": files["target"],
        "strategy": strategy,
        "k": k,
        "m": m,
        "seed": config["seed"],
        "out": f"{folder}/{strategy}/{name}.parquet",
    }


def mining_jobs(wildcards):
    k, m = config["mine"]["k"], config["mine"]["m"]
    jobs = [
        mining_job(name, strategy, k, m, f"{RESULTS}/clusters")
        for strategy in STRATEGIES
        for name in TRAIN_SETS
    ]
    return json.dumps(jobs)


def grid_folders():
    """Folder of the clusters of each k and m."""
    return {(k, m): f"{RESULTS}/grid/clusters/k{k}_m{m}" for k in GRID["k"] for m in GRID["m"]}


def grid_mining_jobs(wildcards):
    jobs = [
        mining_job(name, strategy, k, m, folder)
        for (k, m), folder in grid_folders().items()
        for strategy in GRID["strategies"]
        for name in TRAIN_SETS
    ]
    return json.dumps(jobs)


def false_negative_job(subsets, strategies, folder, out):
    """Several subsets are pooled."""
    return {
        "pairs": [f"{RESULTS}/pairs/{name}.parquet" for name in subsets],
        "equivalences": [f"{RESULTS}/equivalences/train/{name}.parquet" for name in subsets],
        "clusters": [f"{folder}/{one}/{name}.parquet" for one in strategies for name in subsets],
        "out": out,
    }


def false_negative_jobs(wildcards):
    """Every subset alone, and all of them pooled as "all"."""
    subsets = {name: [name] for name in TRAIN_SETS} | {"all": TRAIN_SETS}
    jobs = [
        false_negative_job(
            members, MINED, f"{RESULTS}/clusters", f"{RESULTS}/false_negatives/{subset}.json"
        )
        for subset, members in subsets.items()
    ]
    return json.dumps(jobs)


def grid_false_negative_jobs(wildcards):
    jobs = [
        false_negative_job(
            TRAIN_SETS,
            GRID["strategies"],
            folder,
            f"{RESULTS}/grid/false_negatives/k{k}_m{m}.json",
        )
        for (k, m), folder in grid_folders().items()
    ]
    return json.dumps(jobs)


def training_job(wildcards):
    settings = dict(config["train"])
    for key in ("runs", "seeds"):
        settings.pop(key)
    job = {
        "model": GENERATOR,
        "prompt": wildcards.prompt,
        "pairs": [f"{RESULTS}/pairs/{name}.parquet" for name in TRAIN_SETS],
        "clusters": [
            f"{RESULTS}/clusters/{wildcards.strategy}/{name}.parquet" for name in TRAIN_SETS
        ],
        "query_items": f"{RESULTS}/items/train_query.parquet",
        "target_items": f"{RESULTS}/items/train_target.parquet",
        "image_root": f"{DATA}/train",
        "seed": int(wildcards.seed),
        "save_adapters_at": settings.pop("checkpoints"),
        **settings,
        "partial": f"{RESULTS}/partial/train_adapter",
        "out": ADAPTER.format(**wildcards),
    }
    return json.dumps([job])
