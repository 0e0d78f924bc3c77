"""Which charts the report has, in sections. One chart is one metric; one line in it is one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.health import find_range
from awpo_verl.workbench.report.runs import TrainingRun
from awpo_verl.workbench.report.success import heldout_curves, mean_heldout_curve

MAX_SOURCES = 12  # the most data sources with a chart of their own
MAX_JUDGE = 24  # the most metrics of the judge with a chart
MEAN_CHART, HELDOUT_CHART = "mean of val-core/*/mean@*", "val-core/{}/*/mean@*"
SHARE = (-0.03, 1.03)
CORRELATION = (-1.05, 1.05)


@dataclass(frozen=True)
class Chart:
    """A metric over training steps.

    Attributes:
        metric: its name in the log, or the names that it is computed from.
        meaning: of the metric, in a sentence.
        limits: of the value axis; None fits them to the data.
        curves: name of a run -> its curve, for the runs that have logged it.
    """

    title: str
    metric: str
    meaning: str = ""
    limits: tuple[float, float] | None = None
    curves: dict[str, Curve] = field(default_factory=dict[str, Curve])


@dataclass(frozen=True)
class Section:
    """Charts under one heading. `name` is one word, for links and file names."""

    name: str
    title: str
    charts: tuple[Chart, ...]
    note: str = ""


FIXED: dict[str, tuple[str, tuple[Chart, ...]]] = {
    "rewards": (
        "Reward parts, on training prompts",
        (
            Chart("Training outcome", "critic/score/mean", "Mean outcome of the rollouts in training."),
            Chart("Outcome", "awpo/outcome/mean", "Mean outcome reward, as AWPO takes it."),
            Chart("Reasoning", "awpo/reasoning/mean", "Mean reasoning reward of the rollouts that have one."),
            Chart("Reasoning rewards", "awpo/reasoning_valid_frac", "Share of rollouts that have one.", SHARE),
        ),
    ),
    "awpo": (
        "What AWPO did",
        (
            Chart("Gate", "awpo/gate/mean", "Share of the advantage from outcome plus reasoning.", SHARE),
            Chart("Difficulty weight", "awpo/difficulty/mean", "Mean weight of a group; highest at half solved."),
            Chart("Silent groups", "awpo/dead_groups_frac", "All outcomes equal: GRPO learns nothing.", SHARE),
            Chart("Rescued groups", "awpo/rescued_groups_frac", "Silent groups that reasoning tells apart.", SHARE),
            Chart("Clip scale", "awpo/clip_scale", "Factor on the clip ratio; it follows the gate."),
            Chart("Sign conflicts", "awpo/sign_conflict_frac", "Rows whose advantage reasoning turns around."),
        ),
    ),
    "agreement": (
        "Do outcome and reasoning agree?",
        (
            Chart(
                "Correlation in groups",
                "awpo/outcome_reasoning_corr_in_groups",
                "Within the rollouts of each prompt.",
                CORRELATION,
            ),
            Chart("Correlation in the batch", "awpo/outcome_reasoning_corr", "Over all rollouts.", CORRELATION),
        ),
    ),
    "policy": (
        "Policy health",
        (
            Chart("Entropy", "actor/entropy", "Of the policy, mean over tokens."),
            Chart("KL to the old policy", "actor/ppo_kl", "Over the updates of one step."),
            Chart("KL to the reference", "actor/kl_loss", "If the loss has a KL term."),
            Chart("Clip fraction", "actor/pg_clipfrac", "Share of tokens whose ratio was clipped."),
            Chart("Gradient norm", "actor/grad_norm", "Before clipping."),
            Chart("Response length", "response_length/mean", "Tokens."),
            Chart("Cut-off responses", "response_length/clip_ratio", "Share of responses that reach the length limit."),
            Chart(
                "vLLM against trainer",
                "training/rollout_probs_diff_mean",
                "Mean difference in a token's probability.",
            ),
            Chart("Learning rate", "actor/lr"),
        ),
    ),
    "time": (
        "Time",
        (
            Chart("Step", "timing_s/step", "Seconds, everything included."),
            Chart("Generation", "timing_s/gen", "Seconds, with the rewards that are computed meanwhile."),
            Chart("Update", "timing_s/update_actor", "Seconds."),
            Chart("Throughput", "perf/throughput", "Tokens per second and GPU."),
        ),
    ),
}
JUDGE = (
    Chart("Judged", "awpo/judge/valid_frac", "Share of the requested rollouts that have a score.", SHARE),
    Chart("Latency, median", "awpo/judge/latency_p50", "Seconds from the end of a rollout to its score."),
    Chart("Latency, 99th percentile", "awpo/judge/latency_p99", "Seconds; near the deadline, scores are lost."),
    Chart("Requests", "awpo/judge/requests_total", "Per step."),
    Chart("Retries", "awpo/judge/retries_total", "Per step; they grow when the endpoint is overloaded."),
    Chart("No thinking", "awpo/judge/no_thinking_frac", "No closed <think>: score 0 without a request.", SHARE),
    Chart("Neutralized", "awpo/judge/neutralized_frac", "Rollouts with hidden characters or role marks.", SHARE),
)
OTHER = ("critic/score/min", "critic/score/max", "actor/loss", "actor/pg_loss", "perf/total_num_tokens")
_EXACT = {*OTHER, *(chart.metric for _, charts in FIXED.values() for chart in charts)}


def is_reported(metric: str) -> bool:
    """Whether the report uses a metric. verl logs about 200; most of them are not read."""
    return metric in _EXACT or metric.startswith(("awpo/", "val-core/")) or find_range(metric) is not None


def build_sections(runs: Sequence[TrainingRun]) -> list[Section]:
    """The charts of all metrics that some run has logged, in the order of the page."""
    found = [_build_success(runs)]
    for name, (title, charts) in FIXED.items():
        if name == "agreement":
            charts = (*charts, *_list_source_charts(runs))
        if name == "policy":
            found.append(_build_judge(runs))
        found.append(Section(name, title, tuple(_fill_charts(charts, runs))))
    return [_drop_equal_outcome(section) for section in found if section.charts]


def _fill_charts(charts: Iterable[Chart], runs: Sequence[TrainingRun]) -> Iterable[Chart]:
    for chart in charts:
        yield from _fill_chart(chart, runs, lambda run, metric=chart.metric: run.curves.get(metric))


def _fill_chart(
    chart: Chart, runs: Sequence[TrainingRun], find_curve: Callable[[TrainingRun], Curve | None]
) -> list[Chart]:
    """The chart with the curves of the runs; [] where no run has one."""
    curves = {run.name: curve for run in runs if (curve := find_curve(run)) is not None and len(curve)}
    return [replace(chart, curves=curves)] if curves else []


def _build_success(runs: Sequence[TrainingRun]) -> Section:
    sources = sorted({source for run in runs for source in heldout_curves(run.curves)})
    charts: list[Chart] = []
    if len(sources) > 1:
        mean = Chart("Held-out success", MEAN_CHART, f"Plain mean over {len(sources)} data sources.")
        charts += _fill_chart(mean, runs, lambda run: mean_heldout_curve(run.curves))
    for source in sources[:MAX_SOURCES]:
        one = Chart(f"Held-out success: {source}", HELDOUT_CHART.format(source))
        charts += _fill_chart(one, runs, lambda run, source=source: heldout_curves(run.curves).get(source))
    left = len(sources) - MAX_SOURCES
    note = f"{left} more data sources count in the mean and have no chart." if left > 0 else ""
    curves = [curve for chart in charts for curve in chart.curves.values()]
    if all(curve.values.min() >= 0 and curve.values.max() <= 1 for curve in curves):
        charts = [replace(chart, limits=SHARE) for chart in charts]
    return Section("success", "Success on held-out prompts", tuple(charts), note)


def _list_source_charts(runs: Sequence[TrainingRun]) -> list[Chart]:
    prefix = "awpo/outcome_reasoning_corr/"
    metrics = sorted({metric for run in runs for metric in run.curves if metric.startswith(prefix)})
    if len(metrics) < 2:
        return []  # with one data source, its correlation is that of the batch
    return [
        Chart(f"Correlation: {metric.removeprefix(prefix)}", metric, "", CORRELATION)
        for metric in metrics[:MAX_SOURCES]
    ]


def _build_judge(runs: Sequence[TrainingRun]) -> Section:
    """Every metric that the judge has logged, the known ones first."""
    known = {chart.metric for chart in JUDGE}
    logged = {metric for run in runs for metric in run.curves if metric.startswith("awpo/judge")}
    others = [Chart(_make_title(metric), metric) for metric in sorted(logged - known)]
    charts = [*(chart for chart in JUDGE if chart.metric in logged), *others]
    left = len(charts) - MAX_JUDGE
    note = f"{left} more metrics of the judge have no chart." if left > 0 else ""
    return Section("judge", "The judge", tuple(_fill_charts(charts[:MAX_JUDGE], runs)), note)


def _make_title(metric: str) -> str:
    """awpo/judge/failed_total/timeout -> Failed total: timeout."""
    title = metric.removeprefix("awpo/judge/").replace("_", " ").replace("/", ": ")
    return title[:1].upper() + title[1:]


def _drop_equal_outcome(section: Section) -> Section:
    """Leave out `awpo/outcome/mean` where it equals `critic/score/mean` in every run."""
    by_metric = {chart.metric: chart for chart in section.charts}
    score, outcome = by_metric.get("critic/score/mean"), by_metric.get("awpo/outcome/mean")
    if score is None or outcome is None or not all(_are_equal(score, outcome, run) for run in outcome.curves):
        return section
    return replace(section, charts=tuple(chart for chart in section.charts if chart is not outcome))


def _are_equal(one: Chart, other: Chart, run: str) -> bool:
    mine, others = one.curves.get(run), other.curves[run]
    if mine is None or len(mine) != len(others) or (mine.steps != others.steps).any():
        return False
    return bool((abs(mine.values - others.values) < 1e-4).all())
