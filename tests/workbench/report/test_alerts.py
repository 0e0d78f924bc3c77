"""Each rule raises its alert for a run that has the problem, and none for a healthy run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from awpo_verl.workbench.report import detectors
from awpo_verl.workbench.report.alerts import Alert, find_alerts, list_checked_ranges, summarize_alerts
from awpo_verl.workbench.report.charts import is_reported
from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.detectors import rolling_mean
from awpo_verl.workbench.report.health import HEALTHY_RANGES
from awpo_verl.workbench.report.reference import TITLE, alert_reference
from awpo_verl.workbench.report.runs import read_run
from tests.workbench.report.logs import Steps, awpo_run, constant, grpo_run, write_jsonl

Values = Callable[[int], float]


def found(path: Path, steps: Steps, name: str = "run") -> list[Alert]:
    write_jsonl(path / name / "metrics.jsonl", steps)
    return find_alerts([read_run(path / name)])


def logged(last: int, **metrics: Values) -> Steps:
    """Steps 1 to last. In the name of a metric, __ stands for a slash."""
    return [(n, {key.replace("__", "/"): value(n) for key, value in metrics.items()}) for n in range(1, last + 1)]


UNIT = {"critic__score__min": lambda n: 0.0, "critic__score__max": lambda n: 1.0}
PROBLEM_RUNS: dict[str, tuple[str, str, Steps]] = {
    # the condition of the rule, the figure that is shown, a run that has the problem
    "val flat": (
        "flat for 50 steps, or for a tenth of the run",
        "0.405 at best in the last 50 steps, 0.4 at step 10",
        [(n, {"val-core/a/acc/mean@1": v}) for n, v in ((0, 0.1), (10, 0.4), (20, 0.405), (60, 0.39))],
    ),
    "val falls": (
        "0.1 below its best",
        "0.45 in steps 20 to 30, 0.6 in 5 to 15",
        [(5 * n, {"val-core/a/acc/mean@1": v}) for n, v in enumerate((0.1, 0.6, 0.61, 0.59, 0.45, 0.44, 0.46))],
    ),
    "all fail": (
        "below 0.02",
        "0.01, mean of the last 10 steps",
        logged(30, critic__score__mean=lambda n: 0.01, **UNIT),
    ),
    "all right": ("above 0.98", "1, mean of the last 10 steps", logged(30, critic__score__mean=lambda n: 1.0, **UNIT)),
    # steps 1 to 20 at 0.5, then 0.95: the mean of steps 21 to 30 is 0.95
    "dead": (
        "above 0.9",
        "0.95, mean of the last 10 steps",
        logged(30, awpo__dead_groups_frac=lambda n: 0.95 if n > 20 else 0.5),
    ),
    "not rescued": (
        "below 0.5 while 0.2 of the groups are silent",
        "0.3, mean of the last 10 steps",
        logged(20, awpo__rescued_groups_frac=lambda n: 0.3, awpo__dead_groups_frac=lambda n: 0.4),
    ),
    "gate": (
        "above 0.95 for 50 steps",
        "0.96 or more in each of the last 50 steps",
        logged(60, awpo__gate__mean=lambda n: 0.96 if n > 10 else 0.5),
    ),
    # 60 steps; over the last 50, steps 11 to 60, a fifth is 10: reasoning 0.304 + 0.01 * mean(11..20) = 0.459, to 0.859
    "gamed": (
        "rises by 0.05 while the outcome falls by 0.05, in 50 steps",
        "0.46 to 0.86, while the outcome went from 0.75 to 0.35",
        logged(60, awpo__reasoning__mean=lambda n: 0.304 + 0.01 * n, awpo__outcome__mean=lambda n: 0.904 - 0.01 * n),
    ),
    "paid for failing": (
        "below -0.1",
        "-0.2, mean of the last 10 steps",
        constant("awpo/outcome_reasoning_corr_in_groups", -0.2),
    ),
    "one source": (
        "below -0.1 for one data source",
        "-0.3, mean of the last 10 steps",
        constant("awpo/outcome_reasoning_corr/Team/ACE", -0.3),
    ),
    "conflicts": ("above 0.3", "0.4, mean of the last 10 steps", constant("awpo/sign_conflict_frac", 0.4)),
    "judge down": ("below 0.8", "0.5, mean of the last 10 steps", constant("awpo/judge/valid_frac", 0.5)),
    "judge hiccups": ("below 0.99", "0.95, mean of the last 10 steps", constant("awpo/reasoning_valid_frac", 0.95)),
    "no thinking": ("above 0.5", "0.7, mean of the last 10 steps", constant("awpo/judge/no_thinking_frac", 0.7)),
    "attacks": (
        "above 0.01 and twice its start",
        "0.01 in the first 10 steps, 0.1 in the last 10",
        logged(40, awpo__judge__neutralized_frac=lambda n: 0.01 if n <= 30 else 0.1),
    ),
    "scorer's NaN": ("above 0", "0.25, mean of the last 10 steps", constant("awpo/reasoning_nonfinite", 0.25)),
    "out of range": ("above 0", "1, mean of the last 10 steps", constant("awpo/outcome_out_of_range_frac", 1.0)),
    "marks out of range": (
        "above 0",
        "0.5, mean of the last 10 steps",
        constant("awpo/reasoning_out_of_range_frac", 0.5),
    ),
    "rejected": ("above 0.5", "0.6, mean of the last 10 steps", constant("awpo/rejected_frac", 0.6)),
    "spike": (
        "10 times the usual, in one step",
        "6 at step 55, 12 times the usual value before it (2 such steps)",
        logged(60, actor__grad_norm=lambda n: {55: 6.0, 40: 5.5}.get(n, 0.5)),
    ),
    "kl": (
        "above 0.01 and twice its start",
        "0.0055 in the first 10 steps, 0.0555 in the last 10",
        logged(60, actor__ppo_kl=lambda n: n / 1000),
    ),
    "clipped": (
        "above 0.1 and twice its start",
        "0.055 in the first 10 steps, 0.555 in the last 10",
        logged(60, actor__pg_clipfrac=lambda n: n / 100),
    ),
    "collapse": (
        "falls to a tenth in 20 steps",
        "0.8 to 0.05 in the 20 steps to step 31",
        logged(60, actor__entropy=lambda n: 0.8 if n <= 30 else 0.05),
    ),
    "padding": (
        "doubles",
        "105 in the first 10 steps, 606 in the last 10",
        logged(60, response_length__mean=lambda n: 50.0 + 10.0 * n if n <= 10 else 60 + 9.83 * n),
    ),
    "no gradient": ("0 for 10 steps", "0 in each of the last 10 steps", constant("actor/grad_norm", 0.0)),
    "no advantage": ("0 for 10 steps", "0 in each of the last 10 steps", constant("critic/advantages/max", 0.0)),
    "no reasoning": ("0 for 10 steps", "0 in each of the last 10 steps", constant("awpo/reasoning_valid_frac", 0.0)),
    "one score": (
        "constant for 10 steps",
        "0.25 in each of the last 10 steps",
        logged(30, awpo__reasoning__mean=lambda n: 0.25 if n > 20 else n / 100),
    ),
    "one reward": (
        "constant, and equal to the minimum, for 10 steps",
        "1 in each of the last 10 steps",
        logged(30, critic__score__max=lambda n: 1.0, critic__score__min=lambda n: float(n > 20)),
    ),
    "cut off": ("above 0.1", "0.3, mean of the last 10 steps", constant("response_length/clip_ratio", 0.3)),
    "vLLM": ("above 0.1", "0.2, mean of the last 10 steps", constant("training/rollout_probs_diff_mean", 0.2)),
}


@pytest.mark.parametrize("case", PROBLEM_RUNS)
def test_a_problem_raises_one_alert_with_its_figure_and_advice(tmp_path: Path, case: str) -> None:
    condition, figure, steps = PROBLEM_RUNS[case]
    (alert,) = found(tmp_path, steps)
    assert (alert.condition, alert.occurrences[0].figure, len(alert.occurrences)) == (condition, figure, 1)
    assert alert.level in {"critical", "warning"}
    assert alert.problem.advice
    assert alert.healthy


def test_every_rule_of_the_table_has_such_a_run() -> None:
    conditions = {rule.condition for known in HEALTHY_RANGES for rule in known.rules if rule.detector}
    assert conditions == {condition for condition, _, _ in PROBLEM_RUNS.values()}


@pytest.mark.parametrize("judge", [False, True])
def test_healthy_runs_raise_no_alert(tmp_path: Path, judge: bool) -> None:
    runs = [read_run(awpo_run(tmp_path / "awpo", 200, judge)), read_run(grpo_run(tmp_path / "grpo"))]
    assert find_alerts(runs) == []
    checked = {known.label for known in list_checked_ranges(runs)}
    assert {"`awpo/gate/mean`", "`actor/grad_norm`", "`val-core/*/acc/mean@1`, of each"} <= checked
    assert "`actor/ppo_kl`" not in checked  # neither has logged it


def test_the_mean_of_an_outcome_on_another_scale_raises_no_alert(tmp_path: Path) -> None:
    steps = logged(
        30,
        critic__score__mean=lambda n: 0.0,
        critic__score__min=lambda n: -1.0,
        critic__score__max=lambda n: 1.0,
    )
    assert found(tmp_path, steps) == []


def test_rescued_groups_do_not_matter_where_few_groups_are_silent(tmp_path: Path) -> None:
    few = logged(20, awpo__rescued_groups_frac=lambda n: 0.0, awpo__dead_groups_frac=lambda n: 0.1)
    assert found(tmp_path, few) == []


def test_a_resolved_alert_does_not_hide_an_ongoing_one(tmp_path: Path) -> None:
    score = logged(80, critic__score__mean=lambda n: 0.0 if n <= 40 else 1.0, **UNIT)
    (alert,) = found(tmp_path / "score", score)
    assert (alert.level, alert.condition) == ("critical", "above 0.98")
    valid = logged(100, awpo__reasoning_valid_frac=lambda n: 0.5 if n <= 40 else 0.95)
    (alert,) = found(tmp_path / "valid", valid)
    assert (alert.level, alert.occurrences[0].figure) == ("warning", "0.95, mean of the last 10 steps")


def test_rescued_groups_of_long_ago_are_a_resolved_alert(tmp_path: Path) -> None:
    early = logged(
        200,
        awpo__rescued_groups_frac=lambda n: 0.3 if n <= 20 else 0.0,
        awpo__dead_groups_frac=lambda n: 0.5 if n <= 20 else 0.1,
    )
    (alert,) = found(tmp_path, early)
    assert (alert.level, alert.occurrences[0].figure) == ("resolved", "0.3, mean of the last 10 steps, up to step 20")


@pytest.mark.parametrize("prompts", [48, 96, 200])
def test_validations_that_differ_by_chance_raise_no_alert(prompts: int) -> None:
    """30 validations of a true success of 0.5: hardly any of 200 runs raises an alert."""
    rng = np.random.default_rng(0)
    rule = detectors.falls(0.1)
    curves = [Curve(np.arange(30) * 10, rng.binomial(prompts, 0.5, 30) / prompts) for _ in range(200)]
    assert sum(rule(curve, {}) is not None for curve in curves) <= 6


def test_a_fall_is_measured_on_the_scale_of_the_outcome() -> None:
    rule = detectors.falls(0.1)
    small, large = (np.array([2.5] * 5 + [value] * 4) for value in (2.3, 2.0))
    assert rule(Curve(np.arange(9), small), {}) is None
    assert rule(Curve(np.arange(9), large), {}) is not None


def test_a_metric_that_is_back_in_its_range_is_a_resolved_alert(tmp_path: Path) -> None:
    # one reward worker's judge was down in steps 41 to 60: the mean of 10 steps was lowest, 0.4, at step 50 first
    (alert,) = found(tmp_path, logged(100, awpo__judge__valid_frac=lambda n: 0.4 if 40 < n <= 60 else 1.0))
    assert alert.level == "resolved"
    assert alert.occurrences[0].figure == "0.4 in the 10 steps to step 50, 1 now"


def test_a_long_run_that_rises_slowly_is_not_flat(tmp_path: Path) -> None:
    # 0.005 in 50 steps, and 0.1 in a tenth of the run
    steps = [(n, {"val-core/a/acc/mean@1": 0.1 + 0.0001 * n}) for n in range(0, 8001, 50)]
    assert found(tmp_path, steps) == []


def test_a_huge_value_long_ago_does_not_blur_the_mean_of_now() -> None:
    values = np.array([1e20, *[0.25] * 12])
    assert rolling_mean(values)[-1] == 0.25
    assert rolling_mean(np.array([1.0, 2.0, 6.0])).tolist() == [1.0, 1.5, 3.0]


def test_the_first_steps_of_a_run_raise_no_alert(tmp_path: Path) -> None:
    assert found(tmp_path, logged(30, awpo__dead_groups_frac=lambda n: 1.0 if n < 5 else 0.5)) == []


def test_one_alert_has_all_its_runs_and_critical_ones_come_first(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a" / "metrics.jsonl", constant("response_length/clip_ratio", 0.3))
    write_jsonl(tmp_path / "b" / "metrics.jsonl", constant("response_length/clip_ratio", 0.2))
    write_jsonl(tmp_path / "c" / "metrics.jsonl", constant("awpo/reasoning_valid_frac", 0.9))
    first, second = find_alerts([read_run(tmp_path / name) for name in "cab"])
    assert (first.level, [found.run for found in first.occurrences]) == ("critical", ["a", "b"])
    assert (second.level, [found.run for found in second.occurrences]) == ("warning", ["c"])


def test_nan_is_reported_with_its_steps(tmp_path: Path) -> None:
    steps = [(n, {"actor/grad_norm": float("nan") if n % 10 == 0 else 0.3}) for n in range(1, 101)]
    (alert,) = found(tmp_path, steps)
    assert alert.occurrences[0].figure == "at 10 of 100 steps: 10, 20, 30, 40, 50, ..., 100"


def test_a_run_that_learns_nothing_is_not_called_healthy(tmp_path: Path) -> None:
    """40 steps without a gradient; verl's logger wrote their advantages as null."""
    nulls = {f"critic/advantages/{name}": float("nan") for name in ("mean", "max", "min")}
    steps = [(n, {"actor/grad_norm": 0.0, "actor/pg_loss": 0.0, **nulls}) for n in range(1, 41)]
    write_jsonl(tmp_path / "run" / "metrics.jsonl", steps)
    runs = [read_run(tmp_path / "run", keep=is_reported)]  # as `awpo-verl report` reads it
    alerts = find_alerts(runs)
    assert {alert.level for alert in alerts} == {"critical"}
    assert {found.metric for alert in alerts for found in alert.occurrences} == {
        "actor/grad_norm",
        "critic/advantages/max",
    }
    assert summarize_alerts(alerts, runs) == "2 critical alerts."


def test_rewards_that_differ_or_move_are_not_constant(tmp_path: Path) -> None:
    moves = logged(30, critic__score__max=lambda n: n / 30, critic__score__min=lambda n: n / 30)
    assert found(tmp_path / "moves", moves) == []
    few = logged(9, actor__grad_norm=lambda n: 0.0)
    assert found(tmp_path / "few", few) == []


def test_a_metric_that_is_always_nan_raises_an_alert(tmp_path: Path) -> None:
    (alert,) = found(tmp_path, constant("awpo/gate/mean", float("nan"), 3))
    assert alert.occurrences[0].figure == "at 3 of 3 steps: 1, 2, 3"


def test_the_page_of_metrics_has_the_alerts_of_the_table() -> None:
    text = Path("docs/metrics.md").read_text(encoding="utf-8")
    made = "python -m awpo_verl.workbench.report.reference"
    assert text[text.index(TITLE) :] == alert_reference(), f"copy the output of: {made}"
