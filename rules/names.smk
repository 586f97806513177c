# Names of models and of files that several stages share, and which of them an experiment has.


def model_name(run, step=None):
    """Name of a fine-tuned model among the experiment's models; of a checkpoint with its step."""
    return f"{run['strategy']}_seed{run['seed']}" + (f"_step{step}" if step else "")


def models_of(run):
    """The run's checkpoints and its final adapter: model name -> PEFT folder."""
    folder = ADAPTER.format(**run)
    steps = {model_name(run, step): f"{folder}/checkpoints/step-{step}" for step in CHECKPOINTS}
    return steps | {model_name(run): folder}


# model and prompt of what is evaluated after fine-tuning: checkpoints, too; final adapters alone
TUNED_MODELS = [(model, run["prompt"]) for run in RUNS for model in models_of(run)]
FINAL_MODELS = [(model_name(run), run["prompt"]) for run in RUNS]


def models_of_any_run():
    """Names of a run's models, its wildcards left open."""
    return list(models_of({name: f"{{{name}}}" for name in ("strategy", "seed", "prompt")}))


FINAL_MODEL = model_name({"strategy": "{strategy}", "seed": "{seed}"})  # of any run


def vectors_of(model, prompt, part="eval", shard=None):
    """Vectors and manifests of both sides, by name; of all rows, or of one shard of them."""
    folder = f"{RESULTS}/embeddings/{model}/{prompt}"
    if shard is not None:
        folder = f"{folder}/shards/{shard}of{SHARDS}"
    files = {}
    for side in SIDES:
        files[side] = f"{folder}/{part}_{side}.npy"
        files[f"{side}_manifest"] = f"{folder}/{part}_{side}.json"
    return files


def evaluated_vectors_of(model, prompt, shard=None):
    """What one model embeds to be evaluated: MMEB's sets and the compositional ones."""
    compositions = vectors_of(model, prompt, "composition", shard).items()
    named = {f"composition_{name}": path for name, path in compositions}
    return vectors_of(model, prompt, "eval", shard) | named


ROW_CHOICE = ("train_split", "train_row_cap", "eval_row_cap")  # what prepare_items is told
EQUIVALENCES = [
    f"{RESULTS}/equivalences/{part}/{name}.parquet"
    for part, sets in (("train", TRAIN_SETS), ("eval", EVAL_SETS))
    for name in sets
    if not MMEB
]


def scores_of(model, prompt):
    return expand(
        f"{RESULTS}/scores/{{model}}/{{prompt}}/{{name}}.{{what}}",
        model=model,
        prompt=prompt,
        name=EVAL_SETS,
        what=["json", "predictions.parquet"],
    )


def mined(paths):
    """The same clusters, which another experiment, if they are its, must have mined before."""
    of = config["mining_from"]
    missing = [path for path in paths if of and not Path(path).is_file()]
    if missing:
        raise WorkflowError(
            f"mining_from: {of} has no {missing[0]} yet; mine there first: "
            f"snakemake --cores all --configfile configs/{of}.yaml -- mine"
        )
    theirs = Path(f"results/{of}/config.yaml")
    if of and theirs.is_file():
        form = yaml.safe_load(theirs.read_text()).get("input", config["input"])
        if form != config["input"]:
            raise WorkflowError(
                f"mining_from: {of} was mined with other inputs ({form}) than this experiment has "
                f"({config['input']}); one study has one form: make the section input the same"
            )
    return paths


def clusters_of(strategies, what):
    """An input function: those of this experiment, or of the one that mining_from names."""
    paths = expand(
        f"{MINING}/clusters/{{strategy}}/{{name}}.{{what}}",
        strategy=strategies,
        name=TRAIN_SETS,
        what=what,
    )
    return lambda wildcards: mined(paths)


def tables_named(*names, folder=f"{RESULTS}/tables"):
    return expand(f"{folder}/{{name}}.{{what}}", name=names, what=["csv", "md", "tex", "html"])


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


def shards_of(prompt, part):
    """Vectors and manifests of every shard, in order."""
    shards = range(1, SHARDS + 1)
    return [vectors_of(ZERO_SHOT, prompt, part, shard) for shard in shards]


def leaderboards():
    """Leaderboard files: path -> model and prompt; the generator and every final adapter."""
    models = [(ZERO_SHOT, prompt) for prompt in PROMPTS] + FINAL_MODELS
    return {
        f"{RESULTS}/leaderboard/{model}/{prompt}.json": (model, prompt) for model, prompt in models
    }


def model_cards():
    """Cards of what is trained here: leaderboard file -> the model's README.md."""
    cards = {}
    if GENERATED:
        cards |= {f"{RESULTS}/leaderboard/{ZERO_SHOT}/{one}.json": MODEL for one in PROMPTS}
    for run in RUNS:
        path = f"{RESULTS}/leaderboard/{model_name(run)}/{run['prompt']}.json"
        cards[path] = ADAPTER.format(**run)
    return {path: f"{folder}/README.md" for path, folder in cards.items()}


def grid_folders():
    """Folder of the clusters of each k and m."""
    return {(k, m): f"{RESULTS}/grid/clusters/k{k}_m{m}" for k in GRID["k"] for m in GRID["m"]}


def paths_of_run_clusters(wildcards):
    folder = clusters_name(TRAINED[wildcards.strategy], K, M)
    return expand(f"{MINING}/clusters/{folder}/{{name}}.parquet", name=TRAIN_SETS)


def clusters_of_run(wildcards):
    """What a run trains on, as an input function."""
    return mined(paths_of_run_clusters(wildcards))


def composition_scores_of(model, prompt):
    return expand(
        f"{RESULTS}/scores/{{model}}/{{prompt}}/{{name}}.{{what}}",
        model=model,
        prompt=prompt,
        name=[score_name(*one) for one in scored_sets()],
        what=["json", "predictions.parquet"],
    )
