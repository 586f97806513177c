"""What transformers imports of torchvision before it builds a processor with a part for films.

torchvision's builds fit one build of torch each; where none is at hand, this lets the stock
processors of the Qwen family be built. It resizes nothing and decodes nothing: images are Pillow's.
"""

from importlib.util import find_spec
from pathlib import Path

FILES = {
    "torchvision/__init__.py": "__version__ = '0.28.0'\n",
    "torchvision/io.py": "",
    "torchvision/transforms/__init__.py": (
        "from enum import Enum\n\n\nclass InterpolationMode(Enum):\n"
        "    NEAREST = 'nearest'\n    NEAREST_EXACT = 'nearest-exact'\n    BILINEAR = 'bilinear'\n"
        "    BICUBIC = 'bicubic'\n    BOX = 'box'\n    HAMMING = 'hamming'\n"
        "    LANCZOS = 'lanczos'\n"
    ),
    "torchvision/transforms/functional.py": "def pil_to_tensor(image):\n    raise ValueError\n",
    "torchvision/transforms/v2/__init__.py": "",
    "torchvision/transforms/v2/functional.py": "",
    "torchvision-0.28.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n"
    ),
}


def torchvision_path(folder: Path) -> list[str]:
    """What to add to a Python's path so that it has a torchvision: [] where it has one."""
    if find_spec("torchvision") is not None:
        return []
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [str(folder)]
