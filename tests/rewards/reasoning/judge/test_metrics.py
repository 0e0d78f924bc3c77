"""The judge's metrics of a batch by hand, and when a run is warned or stopped."""

from __future__ import annotations

from typing import Any

import pytest

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import FAILURES, JudgeScore
from awpo_verl.rewards.reasoning.judge.metrics import JudgeFailedError, Watch, judge_metrics


def parts(*scores: JudgeScore) -> dict[str, list[Any]]:
    infos = [result.as_info() for result in scores]
    return {name: [info[name] for info in infos] for name in infos[0]}


def of(*statuses: str) -> dict[str, list[Any]]:
    return parts(*(JudgeScore(status=status) for status in statuses))


BATCH = parts(
    JudgeScore(0.5, "ok", "fine", 1.0, requests=1, tokens_in=100, tokens_out=10),
    JudgeScore(0.7, "ok", "", 3.0, requests=3, retries=2, tokens_in=50, tokens_out=5, neutralized=4),
    JudgeScore(0.2, "cached", "", 0.01),
    JudgeScore(None, "timeout", "", 5.0, requests=4, retries=3),
    JudgeScore(0.0, "no_thinking"),
    JudgeScore(None, "not_asked"),
)


def test_the_metrics_of_a_batch_by_hand() -> None:
    metrics = judge_metrics(BATCH)
    assert metrics["awpo/judge/valid_frac"] == 3 / 4  # ok, ok, cached of those that were asked for
    assert metrics["awpo/judge/requests_total"] == 8.0  # 1 + 3 + 4
    assert metrics["awpo/judge/retries_total"] == 5.0  # 2 + 3
    assert metrics["awpo/judge/cache_hits_total"] == 1.0
    assert metrics["awpo/judge/tokens_in_total"] == 150.0
    assert metrics["awpo/judge/tokens_out_total"] == 15.0
    assert metrics["awpo/judge/neutralized_frac"] == 1 / 4
    assert metrics["awpo/judge/no_thinking_frac"] == 1 / 5  # of those that should have had something to judge
    assert metrics["awpo/judge/latency_p50"] == 3.0  # of 1, 3 and 5: those that were sent
    assert metrics["awpo/judge/latency_p99"] == pytest.approx(4.96)  # 3 + 0.98 * 2
    assert {kind: metrics[f"awpo/judge/failed_total/{kind}"] for kind in FAILURES} == {
        kind: float(kind == "timeout") for kind in FAILURES
    }
    assert all(type(value) is float for value in metrics.values())


def test_a_batch_without_requests_has_no_latency() -> None:
    metrics = judge_metrics(of("breaker_open", "cached"))
    assert not [name for name in metrics if "latency" in name]
    assert metrics["awpo/judge/valid_frac"] == 0.5


@pytest.mark.parametrize("columns", [{}, {"outcome": [1.0]}, of("not_asked"), of("")])
def test_without_a_judge_there_are_no_metrics(columns: dict[str, list[Any]]) -> None:
    assert judge_metrics(columns) == {}


def test_rows_without_a_judge_status_are_not_counted() -> None:
    columns = {name: [*values, None] for name, values in BATCH.items()}
    assert judge_metrics(columns) == judge_metrics(BATCH)


def test_the_watch_warns_once_and_again_after_a_recovery(capsys: pytest.CaptureFixture[str]) -> None:
    watch, config = Watch(), JudgeConfig(min_valid=0.8)
    said: list[str] = []
    for columns in (of("ok", "ok"), BATCH, BATCH, of("cached"), of("ok"), of("timeout")):
        watch.look(judge_metrics(columns), columns, config)
        said.append(capsys.readouterr().out)
    assert [bool(text) for text in said] == [False, True, False, True, False, True]
    assert "answered for 75% of the rollouts that it was asked about" in said[1]  # 3 of 4
    assert "timeout 1" in said[1]
    assert "recovered, 100%" in said[3]


def test_a_step_without_questions_does_not_change_the_watch(capsys: pytest.CaptureFixture[str]) -> None:
    watch, config = Watch(), JudgeConfig()
    for columns in (of("timeout"), of("not_asked"), {}, of("timeout")):
        watch.look(judge_metrics(columns), columns, config)
    assert capsys.readouterr().out.count("[awpo]") == 1


def test_missing_thinking_is_a_warning_and_stops_a_run_that_requires_a_judge(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch, half, none = Watch(), of("no_thinking", "no_thinking", "ok"), of("no_thinking", "no_thinking")
    for columns in (of("ok", "no_thinking"), half, half):
        watch.look(judge_metrics(columns), columns, JudgeConfig(required=True))
    assert capsys.readouterr().out.count("67% of this step's rollouts have no closed <think>") == 1
    assert judge_metrics(of("no_thinking")) == {"awpo/judge/no_thinking_frac": 1.0}
    with pytest.raises(JudgeFailedError, match="100% of this step's rollouts have no closed <think>"):
        watch.look(judge_metrics(none), none, JudgeConfig(required=True))


def test_verl_sums_counts_and_averages_shares() -> None:
    """By verl's own rules, which go by the words in a metric's name."""
    from verl.trainer.ppo.v1.utils import MetricsAggregator

    aggregator = MetricsAggregator()
    for _ in range(2):
        aggregator.add_step_metrics(judge_metrics(BATCH), sample_count=6)
    result = aggregator.get_aggregated_metrics()
    assert result["awpo/judge/requests_total"] == 16.0
    assert result["awpo/judge/failed_total/timeout"] == 2.0
    assert result["awpo/judge/valid_frac"] == 3 / 4


def test_a_required_judge_stops_the_run_and_names_the_failures() -> None:
    columns = of(*["timeout"] * 3, *["unauthorized"] * 5, "ok")
    with pytest.raises(JudgeFailedError) as caught:
        Watch().look(judge_metrics(columns), columns, JudgeConfig(required=True, min_valid=0.5))
    assert "11%" in str(caught.value)  # 1 of 9
    assert "unauthorized 5, timeout 3" in str(caught.value)
    assert "checkpoint" in str(caught.value)


def test_a_share_equal_to_min_valid_is_enough() -> None:
    watch, columns = Watch(), of("ok", "ok", "ok", "ok", "timeout")
    watch.look(judge_metrics(columns), columns, JudgeConfig(required=True, min_valid=0.8))
    assert not watch.low
