"""Write the golden values of every backbone, or compare them with what would be written.

    python tests/unit/models/make_golden.py            # writes golden/<kind>_<form>.json
    python tests/unit/models/make_golden.py --check    # says what would be written otherwise

To be run by hand, after a change of the cases or of transformers; a value that changes needs a
reason. The models are the tests' tiny ones (``unit/backbones.py``), the values a plain forward's
(``golden_plain.py``). --check allows vectors 2e-3, for other machines.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from unit.backbones import KINDS, save_backbone, save_images
from unit.models.golden_cases import CASES, FORMS
from unit.models.golden_files import as_text, differences, load_golden, path_of, recorded
from unit.models.golden_plain import Plain


def all_golden(folder: Path):
    """Kind, form and golden values of all items, for every file."""
    images = save_images(folder)
    for kind in KINDS:
        plain = Plain(kind, save_backbone(kind, folder / kind), images)
        for form in FORMS:
            yield kind, form, {case.name: recorded(plain.run(case, form)) for case in CASES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, form, made in all_golden(Path(folder)):
            path = path_of(kind, form)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(as_text(made), encoding="utf-8")
                continue
            there = load_golden(kind, form)
            if list(there) != list(made):
                wrong.append(f"{path.name}: has other items")
                continue
            for name, values in made.items():
                if off := differences(values, there[name]):
                    wrong.append(f"{path.name}: {name}: {', '.join(off)}")
    print("\n".join(wrong) or ("as they would be written" if check else "written"))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
