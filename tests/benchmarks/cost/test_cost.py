"""The cost benchmark: it measures what it says, counts bytes right, leaves out what does not fit. No wall clocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.cost import cases, report, steps
from benchmarks.cost.measure import Memory, bandwidth, device_name, memory, timed
from benchmarks.cost.sweep import PROBE, Measured, Result, load, save, sweep

GRPO = {"gate": {"kind": "none"}, "difficulty": {"kind": "none"}}


def test_awpo_without_gate_and_difficulty_is_grpo_on_the_benchmark_s_own_inputs() -> None:
    run = cases.estimators(64, 24, awpo=GRPO).run
    theirs = run["grpo"]()
    assert theirs.abs().max() > 0
    torch.testing.assert_close(run["awpo"](), theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(run["grpo_vectorized"](), theirs, rtol=1e-5, atol=1e-5)


def test_awpo_and_gdpo_see_the_reasoning_rewards() -> None:
    run = cases.estimators(64, 24).run
    theirs = run["grpo"]()
    for variant in ("awpo", "gdpo"):
        assert (run[variant]() - theirs).abs().max() > 0.1


def test_at_scale_1_awpo_s_loss_is_vanilla_bit_for_bit_on_the_benchmark_s_own_inputs() -> None:
    run = cases.losses(32, 48, scale=torch.ones(32)).run
    (loss, gradient, metrics), (their_loss, their_gradient, their_metrics) = run["awpo"](), run["vanilla"]()
    assert torch.equal(loss, their_loss)
    assert torch.equal(gradient, their_gradient)
    assert metrics == their_metrics
    assert metrics["actor/pg_clipfrac"] > 0


def test_the_clip_scale_reaches_awpo_s_loss() -> None:
    run = cases.losses(32, 48).run
    assert run["awpo"]()[2]["actor/pg_clipfrac"] > run["vanilla"]()[2]["actor/pg_clipfrac"]


def test_running_a_case_does_not_change_its_inputs() -> None:
    for case in (cases.estimators(32, 8), cases.losses(32, 8)):
        for run in case.run.values():
            first, again = run(), run()
            first, again = (x[0] if isinstance(x, tuple) else x for x in (first, again))
            assert torch.equal(first, again)


def test_the_floor_counted_by_hand() -> None:
    # 16 rows x 10 tokens: rewards 160 x 4 and mask 160 x 8 are read, advantages 160 x 4 written: 2560;
    # AWPO reads 16 reasoning rewards and writes 16 clip scales, 4 bytes each: 128 more.
    # gdpo reads the mask and 2 x 16 rewards, and writes the advantages: 1280 + 128 + 640.
    assert cases.estimators(16, 10).floor_bytes == {
        "awpo": 2688,
        "grpo": 2560,
        "grpo_vectorized": 2560,
        "gdpo": 2048,
    }
    # old, new, advantages 3 x 4, mask 1, gradient 4: 17 bytes x 160; AWPO reads 16 scales of 4 bytes
    assert cases.losses(16, 10).floor_bytes == {"awpo": 2784, "vanilla": 2720}


def test_every_variant_has_a_run_and_a_floor() -> None:
    for kind, make in cases.KINDS.items():
        case = make(16, 4)
        assert tuple(case.run) == tuple(case.floor_bytes) == cases.VARIANTS[kind]


def test_the_mask_is_a_run_of_ones_from_the_left() -> None:
    mask = cases.response_mask(200, 10)
    lengths = mask.sum(-1)
    assert torch.equal(mask, torch.arange(10) < lengths[:, None])
    assert (lengths.min(), lengths.max()) == (1, 10)


def test_variants_run_in_turn_and_the_first_round_is_not_counted() -> None:
    order: list[str] = []
    times = timed({name: lambda name=name: order.append(name) for name in "ab"}, budget_s=0.0)
    assert order == ["a", "b"] * 4  # one to warm up, then three, although the time is over at once
    assert all(0 < t.fastest <= t.median <= t.slowest for t in times.values())


def test_peak_memory_beyond_the_inputs_is_at_least_the_output_and_far_from_the_inputs() -> None:
    rows, tokens = 512, 2048  # 12.6 MB of inputs, 4.2 MB of advantages
    found = memory("estimator", "awpo", rows, tokens)
    assert 4 * rows * tokens <= found.beyond < 8 * rows * tokens
    assert found.total >= 16 * rows * tokens


def fake_memory(kind: str, variant: str, rows: int, tokens: int, device: str) -> Memory:
    """100 bytes a token; vanilla takes twice as much."""
    held = rows * tokens * (200 if variant == "vanilla" else 100)
    return Memory(held // 2, held)


def swept(limit: int, done: list[Result], measure: Callable[..., Memory] = fake_memory, rows: int = 64) -> list[Result]:
    return list(sweep("loss", [(rows, 32)], "cpu", 1e9, done, limit, measure))


def test_what_does_not_fit_is_left_out_with_a_reason_and_the_rest_is_measured() -> None:
    # 64 x 32 = 2048 tokens: 204,800 bytes, and 409,600 for vanilla
    (found,) = swept(300_000, [])
    assert list(found.variants) == ["awpo"]
    assert found.variants["awpo"].peak_bytes == 102_400
    assert found.left_out == {"vanilla": "about 0.00041 GB are needed, 0.0003 GB may be used"}
    (found,) = swept(1000, [])
    assert found.variants == {}
    assert set(found.left_out) == {"awpo", "vanilla"}


def test_what_does_not_fit_is_never_made() -> None:
    asked: list[tuple[int, int]] = []

    def measure(kind: str, variant: str, rows: int, tokens: int, device: str) -> Memory:
        asked.append((rows, tokens))
        return fake_memory(kind, variant, rows, tokens, device)

    (found,) = swept(10**9, [], measure, rows=2**40)
    assert set(asked) == {PROBE}
    assert len(found.left_out) == 2


def test_a_result_is_measured_again_only_where_more_fits_now() -> None:
    partly = swept(300_000, [])
    assert swept(300_000, partly) == []
    assert swept(1000, partly) == []
    (found,) = swept(500_000, partly)
    assert set(found.variants) == {"awpo", "vanilla"}
    assert found.left_out == {}
    assert swept(500_000, [found]) == []


def result(rows: int, tokens: int = 10, **seconds: float) -> Result:
    """4 bytes of peak memory a token, and a floor of a microsecond a row."""
    variants = {v: Measured(s, s, s, 1000 * rows, 4 * rows * tokens, 16 * rows * tokens) for v, s in seconds.items()}
    return Result("loss", device_name(), rows, tokens, 1e9, variants, {})


def test_results_are_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    assert load(path) == []
    results = [result(100, awpo=0.1, vanilla=1 / 3), Result("loss", "a GPU", 1, 1, 1e9, {}, {"awpo": "why"})]
    save(path, results)
    assert load(path) == results
    assert len(path.read_text().splitlines()) == 4  # a line each


def test_exponents_of_a_power_law() -> None:
    sizes = [(rows, tokens) for rows in (10, 100) for tokens in (7, 70)]
    assert report.growth(sizes, [3 * rows * tokens**0.5 for rows, tokens in sizes]) == pytest.approx((1.0, 0.5))
    assert report.growth(sizes[:2], [1.0, 2.0]) is None  # one number of rows
    assert report.growth([], []) is None


def test_tables_say_ratio_floor_memory_and_gaps() -> None:
    found = [result(100, awpo=0.2, vanilla=0.4), result(1000, awpo=2.0)]
    times = report.times_table(found).splitlines()
    assert times[2] == "| 100 x 10 | 0.2 (2000.0) | 0.4 (4000.0) | 0.50 |"
    assert times[3] == "| 1,000 x 10 | 2 (2000.0) | - | - |"
    assert report.memory_table(found).splitlines()[3] == "| 1,000 x 10 | 4e-05 (4) | - |"
    grown = [result(rows, tokens, awpo=rows**2 * tokens) for rows in (10, 100) for tokens in (10, 100)]
    grown.append(result(1, 10, awpo=1e6))  # too small to count
    lines = report.growth_table(grown, smallest=100).splitlines()
    assert lines[2] == "| `awpo` | rows^2.00 x tokens^1.00 | rows^1.00 x tokens^1.00 |"
    assert lines[3] == "| `vanilla` | - | - |"


def test_the_document_names_what_was_left_out_and_the_picture_is_drawn(tmp_path: Path) -> None:
    found = [result(100, awpo=0.2, vanilla=0.4), result(1000, 20, awpo=1.0)]
    found.append(Result("loss", device_name(), 2000, 10, 1e9, {}, {"awpo": "too large"}))
    assert "- 2,000 x 10, `awpo`: left out, too large" in report.markdown(found)
    report.picture(found, tmp_path / "cost.png")
    assert (tmp_path / "cost.png").stat().st_size > 0


def test_a_step_s_shares_leave_out_the_first_step_and_lines_without_training(tmp_path: Path) -> None:
    run = tmp_path / "grpo" / "metrics.jsonl"
    run.parent.mkdir()
    timings = [(9.0, 2.0, 99.0), (1.0, 2.0, 8.0), (2.0, 2.0, 12.0)]
    logged = [dict(zip(("timing_s/adv", "timing_s/update_actor", "timing_s/step"), t, strict=True)) for t in timings]
    lines = [json.dumps({"step": i, "data": data}) for i, data in enumerate([{"val": 1.0}, *logged])]
    run.write_text("\n".join(lines) + "\n")
    share = steps.read(run)
    assert share == steps.Share("grpo", 2, 1.5, 2.0, 10.0)
    assert report.steps_table([share]).splitlines()[2] == "| grpo | 2 | 1.500 (15.0%) | 2.00 (20.0%) | 10.00 |"
    run.write_text(lines[1])
    with pytest.raises(ValueError, match="has 1 steps"):
        steps.read(run)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_time_and_memory_of_the_loss_are_measured_there() -> None:
    speed = bandwidth("cuda")
    (found,) = sweep("loss", [(64, 512)], "cuda", speed, [])
    assert set(found.variants) == {"awpo", "vanilla"}
    assert all(m.peak_bytes >= 4 * 64 * 512 for m in found.variants.values())  # the gradient
    run = cases.losses(64, 512, "cuda", scale=torch.ones(64)).run
    assert torch.equal(run["awpo"]()[1], run["vanilla"]()[1])
