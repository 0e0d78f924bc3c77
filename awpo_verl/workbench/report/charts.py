"""What is drawn: sections of charts. One chart is one metric, one line in it is one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from awpo_verl.workbench.report.curves import Curve
from awpo_verl.workbench.report.ranges import range_of
from awpo_verl.workbench.report.runs import Run
from awpo_verl.workbench.report.success import heldout, overall

MAX_SOURCES = 12  # data sources with a chart of their own
MAX_JUDGE = 24  # judge metrics with a chart
MEAN_CHART, HELDOUT_CHART = "mean of val-core/*/mean@*", "val-core/{}/*/mean@*"
SHARE = (-0.03, 1.03)
CORRELATION = (-1.05, 1.05)


@dataclass(frozen=True)
class Chart:
    """A metric over training steps.

    Attributes:
        metric: its name in the log, or what it was made of.
        says: what it means, in a sentence.
        limits: of the value axis; None follows the data.
        curves: run's name -> its curve, for the runs that have it.
    """

    title: str
    metric: str
    says: str = ""
    limits: tuple[float, float] | None = None
    curves: dict[str, Curve] = field(default_factory=dict[str, Curve])


@dataclass(frozen=True)
class Section:
    """Charts under one heading; `name` is a word for links and files."""

    name: str
    title: str
    charts: tuple[Chart, ...]
    note: str = ""


FIXED: dict[str, tuple[str, tuple[Chart, ...]]] = {
    "rewards": (
        "Reward parts, on training prompts",
        (
            Chart("Training outcome", "critic/score/mean", "Mean outcome of the rollouts that were trained on."),
            Chart("Outcome", "awpo/outcome/mean", "The outcome reward as AWPO sees it."),
            Chart("Reasoning", "awpo/reasoning/mean", "Mean score of the thinking, of those that were scored."),
            Chart("Reasoning scored", "awpo/reasoning_valid_frac", "Share of rollouts that have a score.", SHARE),
        ),
    ),
    "awpo": (
        "What AWPO did",
        (
            Chart("Gate", "awpo/gate/mean", "Share of the advantage from the mix; at 1 reasoning decides.", SHARE),
            Chart("Difficulty weight", "awpo/difficulty/mean", "Mean weight of a group; highest at half solved."),
            Chart("Dead groups", "awpo/dead_groups_frac", "All outcomes equal: GRPO learns nothing there.", SHARE),
            Chart("Rescued groups", "awpo/rescued_groups_frac", "Dead groups that reasoning tells apart.", SHARE),
            Chart("Clip scale", "awpo/clip_scale", "Factor on the clip range; it follows the gate."),
            Chart("Sign conflicts", "awpo/sign_conflict_frac", "Rows where reasoning turns the outcome's sign."),
        ),
    ),
    "agreement": (
        "Do outcome and reasoning agree?",
        (
            Chart(
                "Correlation in groups",
                "awpo/outcome_reasoning_corr_in_groups",
                "Within the rollouts of each prompt: what the advantage is made of.",
                CORRELATION,
            ),
            Chart("Correlation in the batch", "awpo/outcome_reasoning_corr", "Over all rollouts.", CORRELATION),
        ),
    ),
    "policy": (
        "Policy health",
        (
            Chart("Entropy", "actor/entropy", "Of the policy, by token."),
            Chart("KL to the old policy", "actor/ppo_kl", "Of the updates of one step."),
            Chart("KL to the reference", "actor/kl_loss", "Where the loss has a KL term."),
            Chart("Clip fraction", "actor/pg_clipfrac", "Share of tokens whose ratio was clipped."),
            Chart("Gradient norm", "actor/grad_norm", "Before clipping."),
            Chart("Response length", "response_length/mean", "Tokens."),
            Chart("Cut-off responses", "response_length/clip_ratio", "Share that reached the length limit."),
            Chart(
                "Rollout against trainer",
                "training/rollout_probs_diff_mean",
                "Mean difference of a token's probability in vLLM and in the trainer.",
            ),
            Chart("Learning rate", "actor/lr"),
        ),
    ),
    "time": (
        "Time",
        (
            Chart("Step", "timing_s/step", "Seconds, all included."),
            Chart("Generation", "timing_s/gen", "Seconds, with the rewards that run beside it."),
            Chart("Update", "timing_s/update_actor", "Seconds."),
            Chart("Throughput", "perf/throughput", "Tokens a second and GPU."),
        ),
    ),
}
JUDGE = {
    "valid_frac": ("Judged", "Share of the rollouts asked about that have a score.", SHARE),
    "latency_p50": ("Latency, median", "Seconds from finished rollout to score.", None),
    "latency_p99": ("Latency, 99th percentile", "Seconds; near the deadline scores are lost.", None),
    "requests_total": ("Requests", "In the step.", None),
    "retries_total": ("Retries", "In the step; they grow where the endpoint is overloaded.", None),
    "no_thinking_frac": ("No thinking", "Rollouts without closed <think>; they score 0 unasked.", SHARE),
    "neutralized_frac": ("Neutralized", "Rollouts with hidden characters or role markers.", SHARE),
}
OTHER = ("critic/score/min", "critic/score/max", "actor/loss", "actor/pg_loss", "perf/total_num_tokens")
_EXACT = {*OTHER, *(chart.metric for _, charts in FIXED.values() for chart in charts)}


def wanted(metric: str) -> bool:
    """Whether the report uses a metric; of some 200 that verl logs most are not kept."""
    return metric in _EXACT or metric.startswith(("awpo/", "val-core/")) or range_of(metric) is not None


def sections(runs: Sequence[Run]) -> list[Section]:
    """Everything that some run has logged, in the order of the page."""
    found = [_success(runs)]
    for name, (title, charts) in FIXED.items():
        if name == "agreement":
            charts = (*charts, *_by_source(runs))
        if name == "policy":
            found.append(_judge(runs))
        found.append(Section(name, title, tuple(_filled(charts, runs))))
    return [_without_twins(section) for section in found if section.charts]


def _filled(charts: Iterable[Chart], runs: Sequence[Run]) -> Iterable[Chart]:
    for chart in charts:
        yield from _chart(chart, runs, lambda run, metric=chart.metric: run.curves.get(metric))


def _chart(chart: Chart, runs: Sequence[Run], pick: Callable[[Run], Curve | None]) -> list[Chart]:
    """The chart with its curves; none where no run has one."""
    curves = {run.name: curve for run in runs if (curve := pick(run)) is not None and len(curve)}
    return [Chart(chart.title, chart.metric, chart.says, chart.limits, curves)] if curves else []


def _success(runs: Sequence[Run]) -> Section:
    sources = sorted({source for run in runs for source in heldout(run.curves)})
    charts: list[Chart] = []
    if len(sources) > 1:
        says = f"Plain mean over {len(sources)} data sources."
        charts += _chart(Chart("Held-out success", MEAN_CHART, says), runs, lambda run: overall(run.curves))
    for source in sources[:MAX_SOURCES]:
        one = Chart(f"Held-out success: {source}", HELDOUT_CHART.format(source))
        charts += _chart(one, runs, lambda run, source=source: heldout(run.curves).get(source))
    left = len(sources) - MAX_SOURCES
    note = f"{left} more data sources are in the mean and have no chart." if left > 0 else ""
    curves = [curve for chart in charts for curve in chart.curves.values()]
    if all(curve.values.min() >= 0 and curve.values.max() <= 1 for curve in curves):
        charts = [Chart(c.title, c.metric, c.says, SHARE, c.curves) for c in charts]
    return Section("success", "Success on held-out prompts", tuple(charts), note)


def _by_source(runs: Sequence[Run]) -> list[Chart]:
    prefix = "awpo/outcome_reasoning_corr/"
    metrics = sorted({metric for run in runs for metric in run.curves if metric.startswith(prefix)})
    if len(metrics) < 2:
        return []  # of one data source it is the batch's
    return [Chart(f"Correlation: {m.removeprefix(prefix)}", m, "", CORRELATION) for m in metrics[:MAX_SOURCES]]


def _judge(runs: Sequence[Run]) -> Section:
    """Whatever the judge has logged, the known ones first."""
    prefix = "awpo/judge/"
    names = {m.removeprefix(prefix) for run in runs for m in run.curves if m.startswith("awpo/judge")}
    ordered = [*(name for name in JUDGE if name in names), *sorted(names - JUDGE.keys())]
    charts: list[Chart] = []
    for name in ordered[:MAX_JUDGE]:
        title, says, limits = JUDGE.get(name, (name.replace("_", " ").replace("/", ": "), "", None))
        metric = name if name.startswith("awpo/") else prefix + name
        charts.append(Chart(title[:1].upper() + title[1:], metric, says, limits))
    left = len(ordered) - MAX_JUDGE
    note = f"{left} more metrics of the judge have no chart." if left > 0 else ""
    return Section("judge", "The judge", tuple(_filled(charts, runs)), note)


def _without_twins(section: Section) -> Section:
    """`awpo/outcome/mean` is left out where it says what `critic/score/mean` does."""
    by_metric = {chart.metric: chart for chart in section.charts}
    score, outcome = by_metric.get("critic/score/mean"), by_metric.get("awpo/outcome/mean")
    if score is None or outcome is None or not all(_same(score, outcome, run) for run in outcome.curves):
        return section
    kept = tuple(chart for chart in section.charts if chart is not outcome)
    return Section(section.name, section.title, kept, section.note)


def _same(one: Chart, other: Chart, run: str) -> bool:
    mine, others = one.curves.get(run), other.curves[run]
    if mine is None or len(mine) != len(others) or (mine.steps != others.steps).any():
        return False
    return bool((abs(mine.values - others.values) < 1e-4).all())
