# What every stage needs of Snakemake itself; what the study is, stands in scripts/gen2embed/study/.

from gen2embed.program_code import stamp
from gen2embed.study.jobs import flags

RESULTS, DATA, MODEL = study.paths.root, study.paths.data, study.model
TORCH_ENV = f"../envs/torch-{config['hardware']}.yaml"
MINING_ENV = f"../envs/mining-{config['hardware']}.yaml"


wildcard_constraints:
    model=r"[A-Za-z0-9_.-]+",
    prompt=r"[A-Za-z0-9_-]+",
    part="|".join(study.parts),
    run=r"[a-z_]+(-[a-z0-9.]+)*_seed\d+",  # with what it changes, and its seed
    shard=r"\d+",


def program(name):
    """A program as an input: a file that changes with what it and its library mean."""
    return str(stamp(Path(workflow.basedir) / "scripts" / name, Path(".snakemake/programs")))


def first(name):
    """The first file of a named input, for ``subpath``."""

    def path(wildcards, input):
        files = input[name]
        return files if isinstance(files, str) else files[0]

    return path


def trained_on(paths):
    """Clusters, as an input function: those of another experiment must be there, and fit."""

    def checked(wildcards):
        try:
            return study.check_mined(paths(wildcards))
        except InputError as error:
            raise WorkflowError(str(error))

    return checked


def clusters_of(folders, ending="parquet"):
    return trained_on(lambda wildcards: study.clusters(folders, ending))


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


def check_gpus():
    """End here, in one line, where Snakemake itself would start jobs on GPUs that are not there.

    A cluster's scheduler gives each job its own; that one's nodes have drivers of their own, and so
    have conda's environments and containers a torch of their own.
    """
    if config["hardware"] == "cpu" or not workflow.local_exec or workflow.touch:
        return
    rules = {job.rule.name: job.rule.resources for job in workflow.dag.needrun_jobs()}
    asked = {name: its["gpu"].value for name, its in rules.items() if "gpu" in its}
    given = workflow.global_resources.get("gpu")
    or_exit(check_local_gpus, asked, given and given.value, sys.argv[1:])
    if not workflow.deployment_settings.deployment_method:
        or_exit(check_driver, bool(asked))


onstart:
    check_gpus()
