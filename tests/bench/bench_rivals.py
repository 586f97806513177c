"""Run sentence-transformers' own miner on a frozen benchmark, with margins as its example has them.

For an environment of its own (``pip install sentence-transformers datasets``, 6.2.0 when it was
run); this project is not imported. Writes a triplet file a setting for score_miner.py::

    python tests/bench/bench_rivals.py results/when/miner_benchmark/Change rivals
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives

COUNT = 7  # negatives of a query: mine.k
SETTINGS = {
    "st_top": {},
    "st_margin_0.1": {"absolute_margin": 0.1},
    "st_relative_0.05": {"relative_margin": 0.05},
    "st_range_10_max_0.8": {"range_min": 10, "range_max": 50, "max_score": 0.8},
    "st_random_50": {"range_min": 10, "range_max": 50, "sampling_strategy": "random"},
}


class Frozen(SentenceTransformer):
    """A model whose vectors are looked up."""

    def __init__(self, vectors):
        super().__init__(modules=[torch.nn.Identity()], device="cpu")
        self.vectors = vectors

    def encode(self, inputs, convert_to_tensor=False, **_):
        found = np.stack([self.vectors[one] for one in inputs])
        return torch.from_numpy(found) if convert_to_tensor else found

    encode_query = encode_document = encode


def main(folder, out):
    items = {
        side: pd.read_parquet(folder / f"{side}_items.parquet") for side in ("query", "target")
    }
    vectors = {}
    for side, frame in items.items():
        of_side = np.load(folder / f"{side}.npy")
        vectors |= {f"{side} {key}": of_side[number] for number, key in enumerate(frame["key"])}
    pairs = pd.read_parquet(folder / "pairs.parquet")
    names = {side: [f"{side} {key}" for key in frame["key"]] for side, frame in items.items()}
    data = Dataset.from_dict(
        {
            "anchor": [names["query"][number] for number in pairs["query_id"]],
            "positive": [names["target"][number] for number in pairs["target_id"]],
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, settings in SETTINGS.items():
        mined = mine_hard_negatives(
            data, Frozen(vectors), num_negatives=COUNT, verbose=True, **settings
        ).to_pandas()
        for column in mined:
            mined[column] = mined[column].str.split(" ", n=1).str[1]
        mined.to_parquet(out / f"{name}.parquet", index=False)
        print(name, len(mined))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
