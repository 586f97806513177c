"""The table of shorter and smaller vectors: by its name, and where prefixes are trained."""

CI = ("--configfile", "configs/ci.yaml")


def test_when_it_is_made(project):
    assert "tabulate_precisions" not in project.planned(*CI, "--", "tables")
    assert project.planned(*CI, "--", "precisions")["tabulate_precisions"] == 1
    (project.folder / "prefixes.yaml").write_text("train: {matryoshka: [16, 32]}\n")
    output = project.snakemake("-n", "-p", *CI, "prefixes.yaml", "--", "tables")
    (call,) = [line for line in output.splitlines() if "scripts/tabulate_precisions.py" in line]
    assert "--dims 16 32" in call and "--models base/hierarchical " in call
    assert "saha_seed0/hierarchical" in call and "--embeddings results/ci/embeddings " in call
