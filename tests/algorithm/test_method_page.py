"""docs/method.md: the worked batch is what the package computes, and the tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean, stdev

import pytest

from awpo_verl.algorithm import estimate
from tests.conftest import config

PAGE = Path("docs/method.md").read_text()


def read_table(header: str) -> list[dict[str, str]]:
    """The rows of a table in a text block. Two blanks or more separate its columns."""
    names, *lines = PAGE[PAGE.index(header) :].partition("\n\n")[0].partition("\n```")[0].splitlines()
    columns = re.split(r" {2,}", names)
    return [dict(zip(columns, re.split(r" {2,}", line), strict=True)) for line in lines]


def test_the_worked_batch_is_what_estimate_computes() -> None:
    rows, groups = read_table("prompt  "), read_table("group  ")
    assert (len(rows), len(groups)) == (8, 2)
    q = [None if row["q"] == "missing" else float(row["q"]) for row in rows]
    outcome, prompts = [float(row["o"]) for row in rows], [row["prompt"] for row in rows]
    found = estimate(outcome, [value or 0.0 for value in q], [value is not None for value in q], prompts, config())
    assert found.advantages.tolist() == pytest.approx([float(row["A"]) for row in rows], abs=5e-4)
    by_group = {group["group"]: group for group in groups}
    assert found.gate.tolist() == pytest.approx([float(by_group[prompt]["w"]) for prompt in prompts], abs=5e-4)
    assert found.metrics["awpo/difficulty/mean"] == pytest.approx(mean(float(group["d"]) for group in groups))
    scale = found.clip_scale[0].item()
    assert (
        f"The mean w is {found.gate.mean():.3f}, so c = 1 / (1 + 0.2 * {found.gate.mean():.3f}) = {scale:.3f}" in PAGE
    )


def test_the_worked_batch_is_what_the_equations_give() -> None:
    for group in read_table("group  "):
        rows = [row for row in read_table("prompt  ") if row["prompt"] == group["group"]]
        o, known = [float(row["o"]) for row in rows], [float(row["q"]) for row in rows if row["q"] != "missing"]
        q = [mean(known) if row["q"] == "missing" else float(row["q"]) for row in rows]
        m = [a + b for a, b in zip(o, q, strict=True)]
        std_o, std_m, mu = stdev(o), stdev(m), mean(o)
        w, d = std_m / (std_o + std_m), 0.1 + 1.4 * 4 * mu * (1 - mu)
        shown = [float(group[name]) for name in ("std(o)", "std(m)", "w", "mu", "d")]
        assert shown == pytest.approx([std_o, std_m, w, mu, d], abs=5e-4)
        for row, a, b in zip(rows, o, m, strict=True):
            a_out, a_mix = (a - mu) / (std_o + 1e-6), (b - mean(m)) / std_m
            expected = [b, a_out, a_mix, d * ((1 - w) * a_out + w * a_mix)]
            assert [float(row[name]) for name in ("m", "A_out", "A_mix", "A")] == pytest.approx(expected, abs=6e-4)


def test_every_invariant_names_a_test_that_exists() -> None:
    listed = PAGE.partition("## What holds")[2].partition("## ")[0]
    named = re.findall(r"`(test_i\d+_\w+)`", listed)
    assert [re.match(r"test_i(\d+)_", name)[1] for name in named] == [str(i) for i in range(1, 11)]
    tests = "".join(
        path.read_text() for folder in ("algorithm", "integration") for path in Path("tests", folder).glob("*.py")
    )
    assert [name for name in named if f"def {name}(" not in tests] == []
