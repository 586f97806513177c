"""Rows of the mining tables, worked out by hand from statistics files."""

import math

import pandas as pd
import pytest

from gen2embed.reporting.captions import rate_sentence
from gen2embed.reporting.mining_statistics import (
    dropped_before,
    pooled,
    rates,
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


def test_rates_that_are_not_comparable_are_a_dash():
    report = {
        "overall": 0.025, "overall_ci_low": 0.01, "overall_ci_high": 0.04,
        "equal_hardness": None, "equal_hardness_ci_low": None, "equal_hardness_ci_high": None,
    }  # fmt: skip
    row = {"strategy": "hns", **pooled([statistics(1, 0.1, 0.9)]), **rates(report)}
    shown = shown_mined(pd.DataFrame([row]), ["strategy"])
    assert shown["false negatives (%)"].tolist() == ["2.5 [1.0, 4.0]"]
    assert shown["at equal hardness (%)"].tolist() == ["-"]


def test_rows_dropped_before_mining_are_told_of_all_subsets():
    told = [statistics(1, 0.1, 0.9), statistics(1, 0.1, 0.9, dropped=2)]
    assert dropped_before(told) == " 2 rows dropped before mining."
    assert dropped_before(told[:1]) == ""
    assert pooled(told) == pooled([told[0]] * 2) and statistics_row(told[1])["pairs"] == 10


def test_rates_that_are_not_known_are_told_as_such():
    unknown = rates(None)
    assert set(unknown) == set(rates({key: 0.5 for key in unknown}))
    assert all(math.isnan(value) for value in unknown.values())
    row = {"strategy": "hns", **pooled([statistics(1, 0.1, 0.9)]), **unknown}
    shown = shown_mined(pd.DataFrame([row]), ["strategy"])
    assert shown["false negatives (%)"].tolist() == ["-"]
    assert rate_sentence(None, ["hns"]).startswith("True false negatives are not known")
