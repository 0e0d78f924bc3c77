"""Gates and difficulty weights of the user's own, named `module:function`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig, AWPOConfigError, DifficultyConfig, GateConfig

OWN = """
import torch
NUMBER = 1

def half(spread, config):
    return torch.full_like(spread.std_out, 0.5)

def of_version_1(std_out, std_mix, agreement, config):
    return std_out

def above(spread, config):
    return torch.full_like(spread.std_out, config.value)

def short(spread, config):
    return spread.std_out[:1]

def number(spread, config):
    return 0.5

def silent(spread, config):
    return spread.std_out <= 0.1

def undefined(spread, config):
    return spread.std_out / spread.std_out

def twice(spread, config):
    return 2 + 0 * spread.success

def negative(spread, config):
    return spread.success - 0.9
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_kinds.py").write_text(textwrap.dedent(OWN))
    (tmp_path / "broken_kinds.py").write_text("import nothing_of_that_name\n")
    monkeypatch.syspath_prepend(tmp_path)


def advantages(config: AWPOConfig) -> torch.Tensor:
    outcome = torch.tensor([1.0, 0.0, 0.0, 0.0])
    reasoning = torch.tensor([0.9, 0.2, 0.4, 0.1])
    return estimate(outcome, reasoning, torch.ones(4, dtype=torch.bool), ["p"] * 4, config).advantages


def test_functions_of_the_user_are_used() -> None:
    fixed = advantages(AWPOConfig(gate=GateConfig("fixed", 0.5), difficulty=DifficultyConfig("none")))
    own = AWPOConfig(gate=GateConfig("own_kinds:half"), difficulty=DifficultyConfig("own_kinds:twice"))
    assert torch.equal(advantages(own), 2 * fixed)
    # its section's numbers are its own
    read = AWPOConfig(gate=GateConfig("own_kinds:above", value=0.5), difficulty=DifficultyConfig("none"))
    assert torch.equal(advantages(read), fixed)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: GateConfig("own_kinds:nothing"), r"gate\.kind=own_kinds:nothing cannot be used: AttributeError"),
        (lambda: GateConfig("no_such_module:f"), r"ModuleNotFoundError.*Every worker must be able to import it"),
        (lambda: GateConfig("broken_kinds:f"), r"No module named 'nothing_of_that_name'"),
        (lambda: GateConfig("own_kinds:NUMBER"), r"it is a int, and must be a function"),
        (lambda: GateConfig("own_kinds:of_version_1"), r"must take two arguments, \(spread, config\), and takes"),
        (lambda: GateConfig("sometimes"), r"one of variance_ratio, .*, or module:function of your own"),
        (lambda: GateConfig("own_kinds:half()"), r"one of variance_ratio, .*, or module:function of your own"),
    ],
)
def test_an_unusable_kind_is_refused_by_key_and_name(config: Callable[[], GateConfig], message: str) -> None:
    with pytest.raises(AWPOConfigError, match=message):
        advantages(AWPOConfig(gate=config()))


def test_the_values_that_a_kind_returns_are_checked() -> None:
    scored = torch.ones(4, dtype=torch.bool)
    dead, two = torch.zeros(4), torch.tensor([1.0, 0.0, 1.0, 0.0])
    undefined, short = (AWPOConfig(gate=GateConfig(f"own_kinds:{name}")) for name in ("undefined", "short"))
    negative = AWPOConfig(difficulty=DifficultyConfig("own_kinds:negative"))
    with pytest.raises(ValueError, match=r"a tensor \[1\] of numbers in \[0, 1\].*it returned nan for a group"):
        estimate(dead, dead, scored, ["p"] * 4, undefined)
    with pytest.raises(ValueError, match=r"a tensor \[2\].*it returned \(1,\)"):
        estimate(two, two, scored, ["p", "p", "q", "q"], short)
    with pytest.raises(ValueError, match=r"a tensor \[2\].*it returned a float"):
        estimate(two, two, scored, ["p", "p", "q", "q"], AWPOConfig(gate=GateConfig("own_kinds:number")))
    hard = estimate(two, two, scored, ["p", "p", "q", "q"], AWPOConfig(gate=GateConfig("own_kinds:silent")))
    assert hard.gate.tolist() == [0.0] * 4  # a bool tensor is one of 0 and 1
    with pytest.raises(ValueError, match=r"difficulty\.kind=own_kinds:negative must.*\[0, inf\].*returned -0\.65"):
        advantages(negative)


def test_a_kind_set_after_the_check_is_refused_too() -> None:
    config = AWPOConfig()
    config.gate.kind = "nope"
    with pytest.raises(AWPOConfigError, match=r"gate\.kind=nope cannot be used: use one of variance_ratio"):
        advantages(config)
