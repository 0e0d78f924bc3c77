"""The simulator's start, rewards and gradients are what its docstrings say; a sweep goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from awpo_verl.config import parse
from benchmarks.simulator import __main__ as command
from benchmarks.simulator import sweeps
from benchmarks.simulator.pictures import KNOBS
from benchmarks.simulator.sweeps import METHODS, Point, measure, points
from benchmarks.simulator.training import Training, train
from benchmarks.simulator.world import LEVELS, Policy, Rollouts, World, habits, roll_out


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As the command does; many threads only wait for each other over tensors so small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def rolled(world: World, runs: int = 4) -> Rollouts:
    return roll_out(Policy(runs, world), world, torch.Generator().manual_seed(0))


def test_the_start_is_the_table_of_habits() -> None:
    success = Policy(2, World()).success()
    for i, steps in enumerate(LEVELS.values()):
        assert success[:, i] == pytest.approx(habits(World.complete)[i][-1] * 0.9**steps, rel=1e-4)


def test_rollouts_succeed_as_often_as_the_policy_says() -> None:
    found = rolled(World(levels=("medium",), prompts=200, rollouts=50))
    exact = float(Policy(1, World()).success()[0, 1])
    assert float(found.outcome.mean()) == pytest.approx(exact, abs=0.01)  # of 40,000


def test_decisions_end_with_the_stop_and_the_rewards_follow_from_them() -> None:
    found = rolled(World(levels=("hard",)))
    write, right = found.decisions[..., 0::2].bool(), found.decisions[..., 1::2].bool()
    made_write, made_right = found.made[..., 0::2], found.made[..., 1::2]
    assert made_write[..., 0].all()
    assert torch.equal(made_write[..., 1:], made_write[..., :-1] & write[..., :-1])  # the next one only after a yes
    assert torch.equal(made_right, made_write & write)
    share = (made_right & right).sum(-1) / 4
    assert torch.equal(found.reasoning, share.double())
    assert torch.equal(found.outcome == 1, share == 1)


def test_a_short_prompt_asks_for_its_steps_alone() -> None:
    found = rolled(World(levels=("easy",)))
    assert not found.made[..., 2:].any()
    assert set(found.reasoning.unique().tolist()) <= {0.0, 1.0}


def test_the_noisy_judge_turns_its_share_of_verdicts_and_the_misaligned_one_wants_few_steps() -> None:
    faithful = rolled(World(prompts=200, rollouts=50))
    noisy = rolled(World(prompts=200, rollouts=50, condition="noisy"))
    assert torch.equal(faithful.decisions, noisy.decisions)
    differing = faithful.reasoning != 0.5  # which is its own opposite
    turned = (noisy.reasoning != faithful.reasoning)[differing].double().mean()
    assert float(turned) == pytest.approx(0.3, abs=0.01)
    misaligned = rolled(World(levels=("hard",), condition="misaligned"))
    written = misaligned.made[..., 1::2].sum(-1)
    assert torch.equal(misaligned.reasoning, 1 - written.double() / 4)


def test_where_every_rollout_fails_grpo_stays_where_it_is_and_awpo_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's claim, in its smallest form."""

    def fails(*args: object) -> Rollouts:
        found = roll_out(*args)  # type: ignore[arg-type]
        found.outcome.zero_()
        return found

    monkeypatch.setattr("benchmarks.simulator.training.roll_out", fails)
    world, training = World(levels=("hard",)), Training(steps=3)
    grpo = train(world, parse(METHODS["grpo"]), training, seeds=3)
    awpo = train(world, parse(METHODS["awpo"]), training, seeds=3)
    assert torch.equal(grpo[-1], grpo[0])
    assert (awpo[-1, :, 2] > awpo[0, :, 2]).all()


def test_an_update_is_the_policy_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the common "write" logit, by hand: the mean over decisions of A * (yes - p), on the first update."""
    from benchmarks.simulator import training

    world = World(levels=("hard",), prompts=3)
    policy = Policy(1, world)
    found = roll_out(policy, world, torch.Generator().manual_seed(1))
    advantages, scale = training._estimates(found, parse(None))
    old = training._log_prob(policy, found).detach()
    training._loss(policy, found, old, advantages, scale, torch.arange(3).unsqueeze(0)).backward()
    chance = policy.logits(found.prompt, found.level).sigmoid().unsqueeze(2)
    pull = advantages.unsqueeze(-1) * (found.decisions - chance) * found.made
    expected = -pull[..., 0::2].sum() / found.made.sum()
    assert policy.common.grad is not None
    assert float(policy.common.grad[0, 0, 0, 0]) == pytest.approx(float(expected.detach()), rel=1e-4)


def test_every_sweep_has_the_default_and_grpo_beside_it() -> None:
    for knob, default in KNOBS.items():
        found = [p for p in points() if p.sweep == knob and p.x == default]
        assert len(found) == 6, knob  # two worlds, three conditions
        assert parse(found[0].config) == parse(None)
    for sweep in KNOBS:
        assert all(parse(config) for config in {str(p.config): p.config for p in points() if p.sweep == sweep}.values())


def test_a_sweep_goes_on_where_it_stopped_and_leaves_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [p for p in points() if p.x in (0.2, 0.5, 2.0, 8, 0.001, "grpo", "variance_ratio", "none")]
    tiny = World(prompts=2, rollouts=2, pool=4)
    measured: list[Point] = []

    def counted(point: Point, training: Training, seeds: int) -> dict[str, object]:
        measured.append(point)
        return measure(replace(point, world=tiny), Training(steps=1, updates=1), seeds)

    monkeypatch.setattr(sweeps, "points", lambda: iter(chosen))
    monkeypatch.setattr(sweeps, "measure", counted)
    results = tmp_path / "results.json"

    def run(*more: str) -> int:
        given = ["simulator", "--seeds", "2", "--results", str(results), "--pictures", str(tmp_path), *more]
        monkeypatch.setattr("sys.argv", given)
        return command.main()

    assert run("--sweep", "clip.shrink") == 0
    some = len(measured)
    assert 0 < some < len(chosen)
    assert run() == 0
    every = len(measured)
    assert run() == 0
    assert len(measured) == every
    records = json.loads(results.read_text())
    assert [r["point"]["sweep"] for r in records] == [p.sweep for p in chosen]
    assert "| **0.2** |" in capsys.readouterr().out
    assert (tmp_path / "simulator_knobs.png").stat().st_size > 10_000
    assert (tmp_path / "simulator_limits.png").stat().st_size > 10_000
