"""The tables of benchmarks/cost/README.md, and the picture docs/cost.png."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.cost.cases import VARIANTS
from benchmarks.cost.steps import Share
from benchmarks.cost.sweep import Result


def markdown(results: list[Result]) -> str:
    """All tables, under one heading for each kind and device."""
    parts = []
    for kind, device in sorted({(r.kind, r.device) for r in results}, key=lambda x: list(VARIANTS).index(x[0])):
        found = sorted((r for r in results if (r.kind, r.device) == (kind, device)), key=lambda r: (r.tokens, r.rows))
        speeds = [r.bandwidth / 1e9 for r in found]
        parts += [
            f"### {kind}",
            f"{device}; memory bandwidth {span(speeds)} GB/s.",
            "Median seconds, and in brackets how many times the floor; then AWPO's seconds `/` those of each other.",
            times_table(found),
            "Peak memory in GB beyond the inputs, and in brackets bytes per token of the padded [B, T].",
            memory_table(found),
            "Growth:",
            growth_table(found),
            "\n".join(
                f"- {r.rows:,} x {r.tokens:,}, `{v}`: left out, {why}" for r in found for v, why in r.left_out.items()
            ),
        ]
    return "\n\n".join(part for part in parts if part)


def times_table(results: list[Result]) -> str:
    """Median seconds, their multiple of the floor, and the ratio of AWPO's time to each other variant's."""
    variants = VARIANTS[results[0].kind]
    header = ["rows x tokens", *(f"`{v}`" for v in variants), *(f"/ {v}" for v in variants[1:])]
    rows = []
    for r in results:
        s = {v: m.seconds for v, m in r.variants.items()}
        times = [f"{s[v]:.3g} ({s[v] / r.floor_seconds(v):.1f})" if v in s else "-" for v in variants]
        ratios = [f"{s['awpo'] / s[v]:.2f}" if {"awpo", v} <= s.keys() else "-" for v in variants[1:]]
        rows.append([size(r), *times, *ratios])
    return table(header, rows)


def memory_table(results: list[Result]) -> str:
    """Peak memory in GB beyond the inputs, and in bytes per token of the padded [B, T]."""
    variants = VARIANTS[results[0].kind]
    rows = []
    for r in results:
        peaks = {v: m.peak_bytes for v, m in r.variants.items()}
        cells = r.rows * r.tokens
        rows.append(
            [size(r), *(f"{peaks[v] / 1e9:.3g} ({peaks[v] / cells:.0f})" if v in peaks else "-" for v in variants)]
        )
    return table(["rows x tokens", *(f"`{v}`" for v in variants)], rows)


def growth_table(results: list[Result], smallest: int = 2**22) -> str:
    """Exponents of time and peak memory over sizes of `smallest` tokens or more; below, calls cost more than data."""
    rows = []
    for variant in VARIANTS[results[0].kind]:
        found = [r for r in results if variant in r.variants and r.rows * r.tokens >= smallest]
        sizes = [(r.rows, r.tokens) for r in found]
        fits = [
            growth(sizes, [r.variants[variant].seconds for r in found]),
            growth(sizes, [r.variants[variant].peak_bytes for r in found]),
        ]
        rows.append([f"`{variant}`", *(f"rows^{fit[0]:.2f} x tokens^{fit[1]:.2f}" if fit else "-" for fit in fits)])
    return table([f"from {smallest:,} tokens in all", "time grows as", "peak memory grows as"], rows)


def growth(sizes: list[tuple[int, int]], values: list[float]) -> tuple[float, float] | None:
    """Exponents (a, b) of value ~ rows^a tokens^b by least squares of logarithms; None if the sizes cannot tell."""
    terms = np.array([[1.0, np.log(rows), np.log(tokens)] for rows, tokens in sizes])
    if not sizes or np.linalg.matrix_rank(terms) < 3:
        return None
    _, a, b = np.linalg.lstsq(terms, np.log(np.maximum(values, 1e-12)), rcond=None)[0]
    return float(a), float(b)


def steps_table(shares: list[Share]) -> str:
    """Seconds and shares of a step's parts in real runs."""
    rows = [
        [
            s.run,
            str(s.steps),
            f"{s.adv:.3f} ({s.adv / s.step:.1%})",
            f"{s.update_actor:.2f} ({s.update_actor / s.step:.1%})",
            f"{s.step:.2f}",
        ]
        for s in shares
    ]
    header = ["run", "steps", "`timing_s/adv`, s (of the step)", "`timing_s/update_actor`, s", "`timing_s/step`, s"]
    return table(header, rows)


def picture(results: list[Result], path: Path) -> None:
    """Plot seconds over rows, a panel per kind and number of tokens, a line per variant; AWPO's floor is dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines = sorted({(r.kind, r.device) for r in results})
    columns = sorted({r.tokens for r in results})
    figure, axes = plt.subplots(
        len(lines),
        len(columns),
        figsize=(4 * len(columns), 3.5 * len(lines)),
        sharex="all",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for i, (kind, device) in enumerate(lines):
        for ax, tokens in zip(axes[i], columns, strict=True):
            here = sorted(
                (r for r in results if (r.kind, r.device, r.tokens) == (kind, device, tokens)), key=lambda r: r.rows
            )
            for variant in VARIANTS[kind]:
                found = [r for r in here if variant in r.variants]
                ax.plot([r.rows for r in found], [r.variants[variant].seconds for r in found], "o-", label=variant)
            floor = [(r.rows, r.floor_seconds("awpo")) for r in here if "awpo" in r.variants]
            ax.plot(*zip(*floor, strict=True) if floor else ([], []), "k--", label="floor")
            ax.set(xscale="log", yscale="log", xlabel="rows", title=f"{kind}, {tokens:,} tokens")
            ax.grid(alpha=0.3)
        axes[i][0].set_ylabel("seconds")
        axes[i][0].legend(title=device.split(",")[0], fontsize="small", title_fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def size(result: Result) -> str:
    """Rows x tokens."""
    return f"{result.rows:,} x {result.tokens:,}"


def span(values: list[float]) -> str:
    """The value, or `least to greatest` if they differ."""
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"
