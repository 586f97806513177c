"""Rows of the mining tables, worked out by hand from statistics files."""

import math

import pandas as pd
import pytest

from gen2embed.reporting.false_negatives import rate_sentence, rates
from gen2embed.reporting.tables.minimal_pairs import (
    minimal_row,
    minimal_sentence,
    shown_minimal,
)
from gen2embed.reporting.tables.mining_statistics import (
    dropped_before,
    pooled,
    shown_mined,
    shown_statistics,
    statistics_row,
)


def statistics(negatives, hardness, overlap, **change):
    spread = dict.fromkeys(("q05", "q25", "q50", "q75", "q95"), 0.5)
    return {
        "pairs": 10, "queries": 9, "targets": 8, "searches": 5, "clusters": 4,
        "clusters_phase_1": 3, "clusters_phase_2": 1, "singles": 0, "dropped_queries": 2,
        "left_out_pairs": 0, "negatives": negatives, "owner_taken": 7, "passed_over": 1,
        "cluster_sizes": {"2": 1, "3": 3},
        "hardness": {"mean": hardness, **spread} if negatives else None,
        "overlap": {"mean": overlap, **spread} if negatives else None,
        "positive_rank": {"searched_anchors": 4, "top_1": 1, "top_5": 2, "top_10": 4},
        **change,
    }  # fmt: skip


def test_counts_add_and_means_are_weighted_by_negatives():
    found = pooled([statistics(1, 0.1, 0.9), statistics(3, 0.5, 0.1), statistics(0, 0, 0)])
    assert found["clusters"] == 12 and found["negatives"] == 4 and found["dropped_queries"] == 6
    assert found["hardness"] == pytest.approx((0.1 + 3 * 0.5) / 4)
    assert found["overlap"] == pytest.approx((0.9 + 3 * 0.1) / 4)
    assert math.isnan(pooled([statistics(0, 0, 0)])["hardness"])


def test_a_statistics_file_as_a_row():
    row = statistics_row(statistics(2, 0.25, 0.75))
    assert row["cluster_sizes"] == "2:1 3:3" and row["hardness_mean"] == 0.25
    assert [row[f"positive_in_top_{n}"] for n in (1, 5, 10)] == [0.25, 0.5, 1.0]
    none = {"searched_anchors": 0, "top_1": 0, "top_5": 0, "top_10": 0}
    by_chance = statistics_row(statistics(0, 0, 0, positive_rank=none))
    assert math.isnan(by_chance["positive_in_top_1"]) and math.isnan(by_chance["overlap_q50"])
    frame = pd.DataFrame([{"subset": "A", "strategy": "hns", **one} for one in (row, by_chance)])
    shown = shown_statistics(frame)
    assert shown["clusters (pass 1 + 2)"].tolist() == ["3 + 1", "3 + 1"]
    assert shown["hardness"].tolist() == ["0.50 (0.50, 0.50)", "-"]
    assert shown["top 5 (%)"].tolist() == ["50", "-"]


def rate(key, value):
    spread = 0 if value is None else 0.01
    numbers = (None,) * 3 if value is None else (value, value - spread, value + spread)
    return dict(zip((key, f"{key}_ci_low", f"{key}_ci_high"), numbers, strict=True))


def row_of(overall, in_clusters, equal_hardness):
    found = rate("overall", overall) | rate("in_clusters", in_clusters)
    return found | rate("equal_hardness", equal_hardness)


def difference(low, high, measure="equal_hardness"):
    numbers = {"value": (low + high) / 2, "ci_low": low, "ci_high": high}
    return {"first": "hns", "second": "saha", "measure": measure, **numbers}


REPORT = {
    "known": 9,
    "pooled": ["Group", "T2I"],
    "strategies": {
        "hns": row_of(0.025, 0.02, 0.03),
        "saha": row_of(0.03, 0.02, 0.025),
        "easy": row_of(0.05, 0.05, None),
    },
    "differences": [difference(-0.01, 0.02), difference(0.01, 0.02, "overall")],
    "tasks": {
        "T2I": {
            "known": 9,
            "strategies": {
                "hns": row_of(0.025, 0.02, 0.07),
                "saha": row_of(0.03, 0.02, 0.03),
                "easy": row_of(0.1, 0.1, None),
            },
            "differences": [difference(0.03, 0.05)],
        },
        "Group": {"known": 0, "strategies": {}, "differences": []},
    },
}


def test_rates_with_their_tasks():
    """Only tasks in which a negative can be false are there; what is not comparable is a dash."""
    rows = [
        {"strategy": name, **pooled([statistics(1, 0.1, 0.9)]), **rates(REPORT, name)}
        for name in ("hns", "easy")
    ]
    shown = shown_mined(pd.DataFrame(rows), ["strategy"])
    assert shown["false negatives (%)"].tolist() == ["2.5 [1.5, 3.5]", "5.0 [4.0, 6.0]"]
    assert shown["of all pairs (%)"].tolist() == ["2.0 [1.0, 3.0]", "5.0 [4.0, 6.0]"]
    assert shown["at equal hardness (%)"].tolist() == ["3.0 [2.0, 4.0]", "-"]
    assert shown["T2I: at equal hardness (%)"].tolist() == ["7.0 [6.0, 8.0]", "-"]
    assert not [name for name in shown if "Group" in name]


def test_what_is_said_of_rates():
    said = rate_sentence(REPORT, ["hns", "easy"])
    assert "hns 2.5 [1.5, 3.5] % of the anchors' negatives, 2.0 [1.0, 3.0] % of all" in said
    assert "not comparable at equal hardness." in said
    assert "At equal hardness hns - saha +0.5 [-1.0, +2.0] points, undecided; in T2I hns - " in said
    assert said.endswith("saha +4.0 [+3.0, +5.0] points.")


def test_where_nothing_is_known_to_be_right_none_can_be_false():
    nothing = REPORT | {"known": 0, "tasks": {}}
    row = {"strategy": "hns", **pooled([statistics(1, 0.1, 0.9)]), **rates(nothing, "hns")}
    shown = shown_mined(pd.DataFrame([row]), ["strategy"])
    assert shown["false negatives (%)"].tolist() == ["none can be"]


def report_of_minimal(of_hns, of_saha):
    rows = {}
    for name, share in (("hns", of_hns), ("saha", of_saha)):
        shares = rate("clusters_with_minimal", share) | rate("minimal_pairs", share / 5)
        overlaps = {"overlap_minimal": 0.9, "overlap_false": None, "overlap_others": 0.2}
        rows[name] = {"clusters": 10, "negatives": 50, **shares, **overlaps}
    return {"strategies": rows}


def test_minimal_pairs_as_a_table_and_a_sentence():
    frame = pd.DataFrame(
        {"subset": subset, "strategy": name, **minimal_row(report, name)}
        for subset, report in (
            ("I2T", report_of_minimal(0.2, 0.1)),
            ("Change", report_of_minimal(0.5, 0.1)),
        )
        for name in ("hns", "saha")
    )
    shown = shown_minimal(frame)
    assert shown["clusters with one (%)"].tolist()[2] == "50.0 [49.0, 51.0]"
    assert shown["of the negatives (%)"].tolist()[3] == "2.0 [1.0, 3.0]"
    assert shown["false negatives"].tolist() == ["-"] * 4
    assert minimal_sentence(frame) == (
        "The strategies differ most in Change: clusters with one hns 50.0 [49.0, 51.0] %, saha "
        "10.0 [9.0, 11.0] %."
    )


def test_rows_dropped_before_mining_are_told_of_all_subsets():
    told = [statistics(1, 0.1, 0.9), statistics(1, 0.1, 0.9, dropped=2)]
    assert dropped_before(told) == " 2 rows dropped before mining."
    assert dropped_before(told[:1]) == ""
    assert pooled(told) == pooled([told[0]] * 2) and statistics_row(told[1])["pairs"] == 10


def test_rates_that_are_not_known_are_told_as_such():
    unknown = rates(None, "hns")
    assert all(math.isnan(value) for value in unknown.values())
    row = {"strategy": "hns", **pooled([statistics(1, 0.1, 0.9)]), **unknown}
    shown = shown_mined(pd.DataFrame([row]), ["strategy"])
    assert shown["false negatives (%)"].tolist() == ["-"]
    assert rate_sentence(None, ["hns"]).startswith("True false negatives are not known")
