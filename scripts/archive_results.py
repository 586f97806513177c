"""Pack a run for an archive such as Zenodo: its results without images and models, with digests.

`sha256sum --check SHA256SUMS` in the unpacked folder verifies it; what was left out is listed with
its own digest.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

from gen2embed.command_line import run_each
from gen2embed.errors import InputError
from gen2embed.files import digest_file
from gen2embed.outputs import add_output, resolved, whole_file

SUMS, LEFT_OUT, GUIDE = "SHA256SUMS", "LEFT_OUT.tsv", "README.md"
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
MODELS = (".safetensors", ".gguf", ".bin", ".pt")
PASSED_OVER = ("partial", "logs")
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every entry: two archives of equal files are equal


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="archive_results", description=__doc__)
    add = parser.add_argument
    add("--results", required=True, help="folder of the experiment")
    add("--with-vectors", action="store_true", help="embeddings as well (.npy)")
    add_output(parser, "--out", ".zip", help="archive .zip")
    return parser


def is_left_out(path: Path, vectors: bool) -> bool:
    """Whether a file (relative to the experiment) is an image of the data, weights, or vectors."""
    is_image = path.suffix in IMAGES and path.parts[0] != "figures"
    return is_image or path.suffix in MODELS or (path.suffix == ".npy" and not vectors)


def files_of(root: Path, out: Path) -> list[Path]:
    """Regular files below root, relative to it and sorted, but for leftovers and the archive."""
    return sorted(
        (path.relative_to(root) for path in root.rglob("*") if counts(path, root, out)),
        key=lambda path: path.as_posix(),
    )


def counts(path: Path, root: Path, out: Path) -> bool:
    parts = path.relative_to(root).parts
    is_regular = path.is_file() and not path.is_symlink() and path.resolve() != out.resolve()
    return is_regular and parts[0] not in PASSED_OVER and not any(p.startswith(".") for p in parts)


def check_name_in_sums(path: Path) -> None:
    """Raise InputError for a name that ``sha256sum --check`` would read otherwise."""
    name = path.as_posix()
    if set(name) & set("\\\n\r\t") or name != name.encode("utf-8", "replace").decode():
        raise InputError(
            f"{name!r}: its name holds a line end, a tab, a backslash or no UTF-8, which "
            "SHA256SUMS and a zip cannot bear; rename it"
        )


def guide(name: str, kept: int, left_out: int) -> str:
    return (
        f"# Results of the experiment {name}\n\n{kept} files. Verify them, in this folder:\n\n"
        f"```\nsha256sum --check {SUMS}\n```\n\n{left_out} files (images of the data, weights, "
        f"vectors) were left out; `{LEFT_OUT}` names each with its SHA-256, so that a run made "
        "anew can be compared. `config.yaml` is the whole configuration, `provenance.html` tells "
        "the revision, the software and the machine; `snakemake --cores all --configfile "
        "config.yaml` at that revision makes it again.\n"
    )


def pack(job: argparse.Namespace) -> None:
    root, out = resolved(Path(job.results)), Path(job.out)
    files = files_of(root, out) if root.is_dir() else []
    if not files:
        raise InputError(f"{root}: holds no results; run `snakemake --cores all` first")
    for path in files:
        check_name_in_sums(path)
    digests = {path: digest_file(root / path) for path in files}
    kept = [path for path in files if not is_left_out(path, job.with_vectors)]
    gone = [path for path in files if path not in set(kept)]
    texts = {
        GUIDE: guide(root.name, len(kept), len(gone)),
        LEFT_OUT: "".join(f"{digests[path]}\t{path.as_posix()}\n" for path in gone),
    }
    sums = "".join(f"{digests[path]}  {path.as_posix()}\n" for path in kept)
    with whole_file(out) as place, zipfile.ZipFile(place, "w") as archive:
        for name, text in {SUMS: sums, **texts}.items():
            archive.writestr(entry(f"{root.name}/{name}"), text)
        for path in kept:
            data = (root / path).read_bytes()
            archive.writestr(entry(f"{root.name}/{path.as_posix()}"), data)
    print(f"{out}: {len(kept)} files; left out: {len(gone)}")


def entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, MOMENT)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def main(argv: list[str] | None = None) -> int:
    return run_each(build_parser(), pack, argv)


if __name__ == "__main__":
    sys.exit(main())
