# Job lists: what the programs that pack many small jobs into one process are told. The functions take
# wildcards alone: Snakemake does not watch params that are derived from input or output, and a
# changed key would re-run nothing.


def fetching_job(wildcards):
    job = {
        "out": DATA,
        "store": config["data"]["store"],
        "source": config["data"]["copy"] or None,
        "train_splits": [config["data"]["train_split"]],
        "train_subsets": TRAIN_SETS,
        "eval_sets": EVAL_SETS,
    }
    return json.dumps([job])


def measured_experiment(wildcards):
    """Whose measured rates the plan uses."""
    return f"results/{config['plan_from'] or config['experiment']}"


def checking_job(wildcards):
    job = {
        "data": DATA,
        "train_split": config["data"]["train_split"],
        "images": config["data"]["check_images"],
        "rows": config["data"]["check_rows"],
        "seed": config["seed"],
        "out": f"{RESULTS}/tables",
    }
    return json.dumps([job])


def model_job(wildcards):
    job = {
        "model": config["model"]["name"],
        "revision": config["model"]["revision"],
        "source": config["data"]["copy"],
        "lock": f"{RESULTS}/model.lock.json",
        "out": MODEL,
    }
    return json.dumps([job])


def input_form():
    """How items become inputs: the same in every stage."""
    form = dict(config["input"])
    return {"input_form": form.pop("form"), **form}


def embedding_jobs_of(model, prompt, part, adapter=None, shard=None):
    """Both sides of one model, under the settings of evaluation."""
    files = vectors_of(model, prompt, part, shard)
    settings = dict(config["embed"]) | input_form()
    for key in ("prompts", "shards"):
        settings.pop(key)
    of_compositions = settings.pop("composition_resolution")
    if part == "composition":
        settings["resolution"] = of_compositions
    if adapter is not None:
        limits = {key: config["train"][key] for key in ("min_pixels", "max_pixels")}
        settings |= {key: value for key, value in limits.items() if value is not None}
    if shard is not None:
        settings["shard"] = f"{shard}/{SHARDS}"
    common = {
        "model": MODEL,
        "adapter": adapter,
        "prompt": prompt,
        "image_root": f"{DATA}/{part}/images" if part == "composition" else f"{DATA}/{part}",
        "partial": f"{RESULTS}/partial/embed_items",
        "device": config["device"],
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
    shard = wildcards.get("shard")
    jobs = [embedding_jobs_of(ZERO_SHOT, wildcards.prompt, part, shard=shard) for part in EVALUATED]
    return json.dumps(sum(jobs, []))


def training_embedding_jobs(wildcards):
    shard = wildcards.get("shard")
    return json.dumps(embedding_jobs_of(ZERO_SHOT, wildcards.prompt, "train", shard=shard))


def merging_jobs(wildcards):
    whole = vectors_of(ZERO_SHOT, wildcards.prompt, wildcards.part)
    shards = shards_of(wildcards.prompt, wildcards.part)
    jobs = [{"shards": [one[side] for one in shards], "out": whole[side]} for side in SIDES]
    return json.dumps(jobs)


def adapted_embedding_jobs(wildcards):
    """Checkpoints are scored on MMEB's sets alone, the final adapter on all; each is loaded once."""
    jobs = []
    for model, folder in models_of(dict(wildcards)).items():
        for part in EVALUATED if model == model_name(dict(wildcards)) else ["eval"]:
            jobs += embedding_jobs_of(model, wildcards.prompt, part, folder)
    return json.dumps(jobs)


def analysis_flags(wildcards):
    """What both analysis programs are told, as flags; a model under several prompts."""
    names = ("resolution", "min_pixels", "max_pixels", "max_tokens", "dtype", "threads")
    settings = {name: config["embed"][name] for name in names} | input_form()
    prompts = " ".join(config["figures"]["analysis_prompts"])
    common = {"model": MODEL, "prompts": prompts, "image_root": f"{DATA}/eval"}
    common["device"] = config["device"]
    return flags(common | settings)


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
    return json.dumps(sum((scoring_jobs_of(ZERO_SHOT, prompt) for prompt in PROMPTS), []))


def adapted_scoring_jobs(wildcards):
    return json.dumps(sum((scoring_jobs_of(*one) for one in TUNED_MODELS), []))


def leaderboard_jobs(wildcards):
    cards = model_cards()
    jobs = [
        {
            "register": f"{DATA}/datasets.csv",
            "scores": f"{RESULTS}/scores/{model}/{prompt}",
            "name": f"{config['experiment']}: {model}, {prompt}",
            "card": cards.get(path),
            "out": path,
        }
        for path, (model, prompt) in leaderboards().items()
    ]
    return json.dumps(jobs)


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
        "device": config["device"],
        "out": f"{folder}/{name}.parquet",
    }


def mining_jobs(wildcards):
    """Every strategy with the experiment's k and m; then what runs want apart from that."""
    wanted = {strategy: (strategy, K, M) for strategy in STRATEGIES}
    for folder, run in MINED_APART.items():
        wanted[folder] = (run["strategy"], run.get("k", K), run.get("m", M))
    jobs = [
        mining_job(name, *how, f"{RESULTS}/clusters/{folder}")
        for folder, how in wanted.items()
        for name in TRAIN_SETS
    ]
    return json.dumps(jobs)


def grid_mining_jobs(wildcards):
    jobs = [
        mining_job(name, strategy, k, m, f"{folder}/{strategy}")
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
    """Every subset alone, all of them pooled as "all", and the cells of the grid, pooled."""
    subsets = {name: [name] for name in TRAIN_SETS} | {"all": TRAIN_SETS}
    jobs = [
        false_negative_job(
            members, MINED, f"{RESULTS}/clusters", f"{RESULTS}/false_negatives/{subset}.json"
        )
        for subset, members in subsets.items()
    ]
    jobs += [
        false_negative_job(
            TRAIN_SETS,
            GRID["strategies"],
            folder,
            f"{RESULTS}/grid/false_negatives/k{k}_m{m}.json",
        )
        for (k, m), folder in grid_folders().items()
    ]
    return json.dumps(jobs)


def mining_report_flags():
    """What the tables of mining are told of known equivalences and of the grid."""
    folder = f"{RESULTS}/grid"
    told = {
        "rates": f"{RESULTS}/false_negatives",
        "grid_clusters": f"{folder}/clusters",
        "grid_rates": f"{folder}/false_negatives",
        "k": " ".join(map(str, GRID["k"])),
        "m": " ".join(map(str, GRID["m"])),
        "grid_strategies": " ".join(GRID["strategies"]),
    }
    return flags(told)


def launcher(threads):
    """What starts the training: Python, or torchrun on this node or, by srun, on each of several.

    threads: of each node. The job runs on the first node, which hosts where they meet.
    """
    if not SEVERAL:
        return "python"
    several = (
        f"env OMP_NUM_THREADS={config['train']['threads']} python scripts/launch_processes.py"
        f" --nproc-per-node {PROCESSES} --shutdown-timeout 120"
    )
    if NODES == 1:
        return f"{several} --standalone"
    return (
        "command -v srun > /dev/null || { echo 'train.nodes is above 1, which needs SLURM: run it"
        " with --profile profiles/slurm' >&2; exit 1; };"
        " export AT=$(hostname):$((20000 + SLURM_JOB_ID % 12000));"  # no port of outgoing ones
        f" srun --nodes={NODES} --ntasks={NODES} --ntasks-per-node=1 --cpus-per-task={threads}"
        f" --kill-on-bad-exit=1 sh -c 'exec {several} --nnodes {NODES} --rdzv-backend c10d"
        " --rdzv-endpoint $AT --rdzv-id $SLURM_JOB_ID"
        ' --rdzv-conf is_host=$((SLURM_NODEID == 0)),join_timeout=120 "$@"\' sh'
    )


def training_job(wildcards):
    settings = dict(config["train"]) | input_form()
    for key in ("runs", "seeds", "processes", "nodes"):
        settings.pop(key)
    for key in ("min_pixels", "max_pixels"):
        if settings[key] is None:
            settings[key] = config["embed"][key]
    run = TRAINED[wildcards.strategy]
    if run["strategy"] == "in_batch":
        settings.pop("clusters_per_batch")  # pairs alone are no clusters
    job = {
        "model": MODEL,
        "prompt": wildcards.prompt,
        "pairs": [f"{RESULTS}/pairs/{name}.parquet" for name in TRAIN_SETS],
        "clusters": paths_of_run_clusters(wildcards),
        "mode": run.get("mode"),
        "fraction": run.get("fraction"),
        "query_items": f"{RESULTS}/items/train_query.parquet",
        "target_items": f"{RESULTS}/items/train_target.parquet",
        "image_root": f"{DATA}/train",
        "seed": int(wildcards.seed),
        "device": config["device"],
        "save_adapters_at": settings.pop("checkpoints"),
        **settings,
        "partial": f"{RESULTS}/partial/train_adapter",
        "counted": f"{RESULTS}/partial/counted",
        "out": ADAPTER.format(**wildcards),
    }
    return json.dumps([job])


def composition_jobs_of(model, prompt):
    files = vectors_of(model, prompt, "composition")
    return [
        {
            "subset": f"{benchmark}/{subset}",
            "task": task,
            "rows": f"{RESULTS}/compositions/{benchmark}/{subset}.parquet",
            "query_embeddings": files["query"],
            "target_embeddings": files["target"],
            "out": f"{RESULTS}/scores/{model}/{prompt}/{score_name(benchmark, subset, task)}.json",
        }
        for benchmark, subset, task in scored_sets()
    ]


def composition_jobs(wildcards):
    return json.dumps(sum((composition_jobs_of(*one) for one in COMPOSED), []))
