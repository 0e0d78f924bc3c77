"""Correlations of reasoning and outcome: over the batch, within groups, by data source."""

from __future__ import annotations

import pytest
import torch

from awpo_verl.algorithm.alignment import MAX_SOURCES, alignment

IN_GROUPS = "awpo/outcome_reasoning_corr_in_groups"


def test_in_groups_is_the_correlation_of_the_deviations_from_the_means() -> None:
    # Group a: o 0, 1; q 0.9, 0.8. Group b: o 0, 1; q 0.2, 0.1. Centred: o -1/2, 1/2 in both; q 0.05, -0.05 in both.
    o, q = torch.tensor([0.0, 1.0, 0.0, 1.0]), torch.tensor([0.9, 0.8, 0.2, 0.1])
    assert alignment(o, q, torch.ones(4, dtype=torch.bool), ["a", "a", "b", "b"])[IN_GROUPS] == pytest.approx(-1.0)


def test_silent_groups_do_not_dilute_the_correlation() -> None:
    # group a is marked the wrong way round: -1; group b failed as a whole, and its marks differ
    o, q = torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.tensor([0.9, 0.1, 0.2, 0.8])
    assert alignment(o, q, torch.ones(4, dtype=torch.bool), ["a", "a", "b", "b"])[IN_GROUPS] == pytest.approx(-1.0)


def test_a_judge_that_only_scores_prompts_correlates_over_the_batch_and_not_in_groups() -> None:
    # Easy group: o 1, 1, 1, 0, all marked 0.9; hard group: o 0, 0, 0, 1, all marked 0.1. Over the batch it looks fine;
    # centred, q is 0 everywhere: there is no figure.
    o = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    q = torch.tensor([0.9] * 4 + [0.1] * 4)
    metrics = alignment(o, q, torch.ones(8, dtype=torch.bool), ["e"] * 4 + ["h"] * 4, ["set"] * 8)
    # mean o = 1/2: o' = .5 .5 .5 -.5 -.5 -.5 -.5 .5; q' = .4 x4, -.4 x4: sum o'q' = .4 * (1 + 1) = .8;
    # |o'|^2 = 2, |q'|^2 = 1.28: .8 / sqrt(2.56) = 0.5
    assert metrics == {"awpo/outcome_reasoning_corr/set": pytest.approx(0.5)}


def test_missing_rewards_and_small_sources_are_left_out() -> None:
    o = torch.tensor([0.0, 1.0] * 8)
    q = torch.tensor([0.0, 1.0] * 4 + [1.0, 0.0] * 4)
    valid = torch.tensor([True] * 8 + [False] * 8)
    sources = ["tools/xlam 60k"] * 8 + ["math"] * 8
    metrics = alignment(o, q, valid, ["g"] * 16, sources)
    assert metrics == {
        IN_GROUPS: pytest.approx(1.0),
        "awpo/outcome_reasoning_corr/tools_xlam_60k": pytest.approx(1.0),
    }
    assert alignment(o, q, torch.zeros(16, dtype=torch.bool), ["g"] * 16, sources) == {}
    assert alignment(o[:6], q[:6], torch.ones(6, dtype=torch.bool), ["g"] * 6, ["few"] * 6) == {
        IN_GROUPS: pytest.approx(1.0)
    }


def test_verl_averages_the_correlation_of_every_source_whatever_its_name() -> None:
    from verl.trainer.ppo.v1.utils import MetricsAggregator

    for source in ("gemini", "samsum", "climax", "subtotal", "deepmind_math"):
        o = torch.tensor([0.0, 1.0] * 4)
        (name,) = (n for n in alignment(o, o, o < 2, ["g"] * 8, [source] * 8) if n != IN_GROUPS)
        aggregator = MetricsAggregator()
        for value in (0.5, -0.5):
            aggregator.add_step_metrics({name: value}, sample_count=1)
        assert aggregator.get_aggregated_metrics()[name] == 0.0, name


def test_the_number_of_curves_is_bounded() -> None:
    n = 30
    o, q = torch.tensor([0.0, 1.0] * 4 * n), torch.tensor([0.0, 1.0] * 4 * n)
    sources = [f"source-{i}" for i in range(n) for _ in range(8)]
    metrics = alignment(o, q, torch.ones(8 * n, dtype=torch.bool), ["g"] * 8 * n, sources)
    assert sum(name.startswith("awpo/outcome_reasoning_corr/") for name in metrics) == MAX_SOURCES
