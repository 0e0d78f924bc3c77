"""The learning benchmark: its three judges, its plan, and what it reads out of the runs."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.ablation.variants import VARIANTS
from benchmarks.learning import judges, plan, results, tables
from benchmarks.learning.series import FINISHED, METRICS, Cell
from examples.demo import shop

HARD = shop.draw(random.Random(0), "hard", "train")


def scores(reply: str, example: shop.Example = HARD) -> dict[str, float]:
    truth = json.dumps({"tool_calls": example.tool_calls})
    return judges.compute_score("shop_hard", reply, truth, {"reasoning_steps": list(example.steps)})


def test_all_steps_written_is_right_for_the_faithful_judge_and_worst_for_the_misaligned_one() -> None:
    found = scores(shop.reference_response(HARD))
    assert (found["outcome"], found["faithful"], found["misaligned"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("written", [1, 2, 3])
def test_a_guess_after_some_steps_earns_their_share_or_what_is_left_of_it(written: int) -> None:
    wrong = [{"name": "pay", "arguments": {"amount": 900}}]
    found = scores(shop.render_response(HARD.steps[:written], wrong))
    assert found["outcome"] == 0.0
    assert found["faithful"] == pytest.approx(written / 4)
    assert found["misaligned"] == pytest.approx(1 - written / 4)


@pytest.mark.parametrize("reply", ["<think>\n3*4=12", "<think>\n\n</think>\n\nThat is 900."])
def test_thinking_that_is_empty_or_not_closed_earns_nothing_of_either(reply: str) -> None:
    found = scores(reply)
    assert (found["outcome"], found["faithful"], found["misaligned"]) == (0.0, 0.0, 0.0)


def test_the_noisy_judge_is_right_seven_times_in_ten_and_says_the_same_of_the_same_text() -> None:
    rng = random.Random(1)
    replies = [shop.reference_response(shop.draw(rng, "easy", "train")) + f" {i}" for i in range(2000)]
    marks = [scores(reply) for reply in replies]
    assert all(mark["noisy"] in (mark["faithful"], 1 - mark["faithful"]) for mark in marks)
    right = sum(mark["noisy"] == mark["faithful"] for mark in marks) / len(marks)
    assert right == pytest.approx(0.7, abs=0.04)  # 4 standard errors of 0.0102
    assert [scores(reply) for reply in replies[:50]] == marks[:50]


def test_each_run_is_planned_once_and_grpo_once_for_all_judges() -> None:
    names = plan.names(2)
    assert len(set(names)) == len(names)
    grpo = [name for name in names if name.variant == "grpo" and name.trained_on == "hard" and name.start == "never"]
    assert [name.condition for name in grpo] == ["outcome", "outcome"]
    of_starts = [name.start for name in names]
    assert of_starts == sorted(of_starts, key=list(plan.STARTS).index)  # one after the other


def test_a_run_has_its_variants_keys_and_learns_from_its_judge() -> None:
    name = plan.Name("never", "hard", "noisy", "naive_mix", 3)
    cell = plan.cell(name, Path("out"), Path("data"), {"model": "m"})
    assert cell.keys["algorithm.awpo.gate.value"] == 1
    assert cell.keys["algorithm.awpo.reasoning_key"] == "noisy"
    assert cell.keys["data.seed"] == 3
    gdpo = plan.cell(plan.Name("never", "hard", "noisy", "gdpo", 0), Path("out"), Path("data"), {})
    assert gdpo.keys["algorithm.gdpo_reward_keys"] == ["outcome", "noisy"]
    assert set(plan.MAIN) <= VARIANTS.keys()


def test_a_run_with_other_settings_is_not_taken_for_this_one(tmp_path: Path) -> None:
    cell = Cell(str(tmp_path), {}, {"lr": 1})
    assert not cell.finished
    (tmp_path / FINISHED).write_text(json.dumps({"settings": {"lr": 1}}))
    assert cell.finished
    other = Cell(str(tmp_path), {}, {"lr": 2})
    assert not other.finished
    assert other.fingerprint != cell.fingerprint


def write_run(folder: Path, hard: dict[int, float]) -> None:
    def data(value: float) -> dict[str, Any]:
        levels = {"easy": 1.0, "medium": 0.5, "hard": value}
        return {f"val-core/shop_{level}/acc/mean@1": success for level, success in levels.items()}

    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"step": step, "data": data(value)}) for step, value in hard.items()]
    (folder / METRICS).write_text("\n".join(lines) + "\n")


def test_rollouts_needed_lie_on_the_line_between_validations_or_are_infinite(tmp_path: Path) -> None:
    write_run(tmp_path, {3: 0.1, 6: 0.3})
    run = results.read(plan.Name("never", "hard", "faithful", "awpo", 0), Cell(str(tmp_path), {}, {}), 96)
    assert run.rollouts == (288, 576)
    curve = run.success["hard"]
    assert results.needed(run.rollouts, curve, 0.2) == pytest.approx(432)  # half-way
    assert results.needed(run.rollouts, curve, 0.05) == 288
    assert results.needed(run.rollouts, curve, 0.31) == math.inf


def test_all_runs_begin_at_the_mean_of_the_starts_that_were_measured(tmp_path: Path) -> None:
    for seed, start in enumerate((0.0, 0.2)):
        write_run(tmp_path / str(seed), {0: start, 3: 0.4})
    write_run(tmp_path / "2", {3: 0.5})
    cells = [Cell(str(tmp_path / str(seed)), {}, {"seed": seed}) for seed in range(3)]
    runs = [results.read(plan.Name("never", "hard", "faithful", "awpo", i), cell, 96) for i, cell in enumerate(cells)]
    begun = results.with_start(results.from_json(json.loads(json.dumps(results.to_json(runs)))))
    assert [run.success["hard"] for run in begun] == [(0.1, 0.4), (0.1, 0.4), (0.1, 0.5)]
    assert all(run.rollouts == (0, 288) for run in begun)
    assert [run.fingerprint for run in begun] == [cell.fingerprint for cell in cells]


def test_an_interval_holds_the_mean_and_is_a_point_where_nothing_varies() -> None:
    low, high = results.interval([0.1, 0.2, 0.3, 0.4, 0.5])
    assert 0.1 < low < 0.3 < high < 0.5
    assert results.interval([0.25, 0.25]) == (0.25, 0.25)


def finished(variant: str, condition: str, hard: list[list[float]], trained_on: str = "hard") -> list[results.Run]:
    """One run a seed; validated at the start and twice after."""
    return [
        results.Run(
            plan.Name("never", trained_on, condition, variant, seed),
            (0, 576, 1152),
            {"easy": (1.0,) * 3, "medium": (0.5,) * 3, "hard": tuple(curve)},
            {"awpo/dead_groups_frac": (1.0, 0.5), "awpo/rescued_groups_frac": (0.5, 1.0)},
        )
        for seed, curve in enumerate(hard)
    ]


def test_the_goals_are_measured_against_grpo_of_the_same_start_and_prompts() -> None:
    runs = [
        *finished("grpo", "outcome", [[0.0, 0.0, 0.4], [0.0, 0.0, 0.2]]),
        *finished("naive_mix", "faithful", [[0.0, 0.5, 0.6]] * 2),
        *finished("awpo", "faithful", [[0.0, 0.6, 0.6]] * 2),
        *finished("grpo", "outcome", [[0.0, 0.1, 0.4], [0.0, 0.1, 0.2]], "easy+hard"),
        *finished("naive_mix", "misaligned", [[0.0, 0.0, 0.0]] * 2, "easy+hard"),
        *finished("awpo", "misaligned", [[0.0, 0.1, 0.3], [0.0, 0.0, 0.1]], "easy+hard"),
    ]
    rows = [line for line in tables.goals(runs).splitlines() if line.startswith("| never")]
    assert len(rows) == 3  # goals without runs are left out
    # GRPO ends at 0.3: half of the way of AWPO's first 576 rollouts; the mean of GRPO's curves is there at the last
    assert rows[0] == "| never | hard | awpo | 0.30 | 0.30 | 288 | 1,152 (1,008 to > 1,152) |"
    assert rows[1].startswith("| never | easy+hard | awpo | medium | +0.00 (+0.00 to +0.00) |")
    assert rows[2] == "| never | easy+hard | awpo | hard | -0.10 (-0.10 to -0.10) | -0.30 (-0.40 to -0.20) |"
    nothing = [*finished("grpo", "outcome", [[0.0] * 3] * 2), *runs[2:6]]
    row = next(line for line in tables.goals(nothing).splitlines() if line.startswith("| never"))
    assert row == "| never | hard | awpo | 0.00 | 0.10 | 96 | > 1,152 |"


def test_the_tables_have_a_row_for_each_variant_that_was_run() -> None:
    text = tables.all_tables(finished("awpo", "faithful", [[0.0, 0.1, 0.4], [0.0, 0.3, 0.6]]))
    assert "Start `never`, trained on `hard`:" in text
    assert "\n| faithful | awpo | 1.00 (1.00 to 1.00) | 0.50 (0.50 to 0.50) | 0.50 (0.40 to 0.60) | 2 |\n" in text
    assert "\n| faithful | awpo | 0.75 | 0.75 | 0.75 |\n" in text
