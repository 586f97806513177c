"""Mining again: rounds are told, and rates stand beside each other."""

import numpy as np
import pandas as pd

from gen2embed.files import write_npy, write_parquet
from unit.mining.test_programs import flags, folder, measure, mine, unit  # noqa: F401


def test_false_negatives_by_round(folder, capsys):  # noqa: F811
    """The same pairs, mined with other vectors; a target is right for all queries of its ten."""
    frame = pd.read_parquet(folder / "p.parquet")
    same = frame.merge(frame, how="cross")
    alike = same[same["target_id_x"] % 10 == same["target_id_y"] % 10]
    known = alike[["query_id_x", "target_id_y"]].drop_duplicates()
    known.columns = ["query_id", "target_id"]
    write_parquet(folder / "known.parquet", known.astype(np.int64))
    assert mine(flags(folder, "first.parquet")) == 0
    write_npy(folder / "q.npy", unit(400, 16, 7))
    (folder / "q.json").write_text("{}")
    (folder / "q.json").write_text('{"prompt": "plain"}')
    assert mine(flags(folder, "second.parquet", round=1)) == 2
    assert "--round 1" in capsys.readouterr().err
    (folder / "q.json").write_text('{"prompt": "plain", "adapter": "a"}')
    assert mine(flags(folder, "second.parquet", round=1)) == 0
    call = ["--pairs", str(folder / "p.parquet"), "--equivalences", str(folder / "known.parquet")]
    both = [str(folder / f"{name}.parquet") for name in ("first", "second")]
    assert measure([*call, "--clusters", *both, "--out", str(folder / "r.json")]) == 0
    table = pd.read_csv(folder / "r.csv")
    assert table["strategy"].tolist() == ["saha", "saha"] and table["round"].tolist() == [0, 1]
    assert table["negatives"].gt(0).all()
    alone = ["--clusters", both[1], "--standard", "saha", "--out", str(folder / "s.json")]
    assert measure([*call, *alone]) == 0
    assert "round" not in pd.read_csv(folder / "s.csv")
    assert measure([*call, "--clusters", both[1], both[1], "--out", str(folder / "t.json")]) == 2
