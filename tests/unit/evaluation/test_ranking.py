"""Leaderboard metrics by hand: three queries whose positives are first, third and seventh."""

import numpy as np
import pytest

from gen2embed.evaluation.ranking import ranking_metrics


def test_metrics_of_three_ranks():
    found = ranking_metrics(np.array([1, 3, 7]))
    assert (
        found["hit@1"] == found["precision@1"] == found["mrr@1"] == pytest.approx(1 / 3, abs=1e-8)
    )
    assert found["hit@5"] == found["recall@5"] == pytest.approx(2 / 3)
    assert found["precision@5"] == pytest.approx(2 / 15)
    assert found["f1@5"] == pytest.approx(2 * (2 / 15) * (2 / 3) / (2 / 15 + 2 / 3))
    assert found["mrr@5"] == found["map@5"] == pytest.approx((1 + 1 / 3) / 3)
    assert found["mrr@10"] == pytest.approx((1 + 1 / 3 + 1 / 7) / 3)
    # gains 1 / log2(rank + 1): 1, 1/2, 1/3
    assert found["ndcg_linear@10"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert found["ndcg_exponential@5"] == found["ndcg_linear@5"] == pytest.approx(1.5 / 3)
