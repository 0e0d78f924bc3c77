"""Each wrong key or value of algorithm.awpo is refused, and the message names the key and what to use."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import pytest
import torch
from omegaconf import OmegaConf

from awpo_verl.algorithm import estimate
from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.config import AWPOConfig, AWPOConfigError, DifficultyConfig, GateConfig, parse
from awpo_verl.config.kinds import KindConfig, Kinds
from awpo_verl.rewards.outcome.formats import AUTO, FORMATS


def test_defaults_are_those_of_docs_method() -> None:
    c = parse(None)
    assert c == AWPOConfig()
    assert (c.reasoning_weight, c.reasoning_std_floor, c.outcome_range) == (1.0, 0.05, "auto")
    assert c.reasoning_range == [0.0, 1.0]
    assert (c.gate.kind, c.difficulty.kind, c.clip.scope) == ("variance_ratio", "parabolic", "batch")
    assert (c.difficulty.d_min, c.difficulty.d_max, c.clip.shrink) == (0.1, 1.5, 0.2)


@pytest.mark.parametrize(
    ("section", "kinds", "default"), [("gate", GATES, GateConfig()), ("difficulty", DIFFICULTIES, DifficultyConfig())]
)
def test_the_config_accepts_the_kinds_of_the_table_and_the_keys_that_each_reads(
    section: str, kinds: Kinds, default: KindConfig
) -> None:
    assert default.kind in kinds  # a section at its defaults is not checked
    keys = {field.name for field in dataclasses.fields(default)} - {"kind"}
    assert keys == {key for kind in kinds.values() for key in kind.reads}
    for name, kind in kinds.items():
        assert getattr(parse({section: {"kind": name}}), section).kind == name
        for key in keys:
            changed = {"kind": name, key: getattr(default, key) + 0.25}
            if key in kind.reads:
                assert getattr(getattr(parse({section: changed}), section), key) == changed[key]
            else:
                with pytest.raises(AWPOConfigError, match=rf"{section}\.{key}=\S+ has no effect .*kind={name}:"):
                    parse({section: changed})


@pytest.mark.parametrize(("section", "kinds"), [("gate", GATES), ("difficulty", DIFFICULTIES)])
def test_a_kind_reads_the_keys_that_its_line_names_and_no_others(section: str, kinds: Kinds) -> None:
    o, q = torch.tensor([0.0, 1, 1, 0, 0, 1, 1, 1]), torch.tensor([0.1, 0.9, 0.4, 0.2, 0.5, 0.3, 0.8, 0.1])
    default = getattr(AWPOConfig(), section)
    for name, kind in kinds.items():
        for field in dataclasses.fields(default):
            if field.name != "kind":
                changed = AWPOConfig()
                # set after the check: 0.55 lies between the standard deviations of the two groups, 0.577 and 0.5
                setattr(changed, section, dataclasses.replace(default, kind=name, **{field.name: 0.55}))
                plain = AWPOConfig()
                setattr(plain, section, dataclasses.replace(default, kind=name))
                found, expected = (
                    estimate(o, q, torch.ones(8, dtype=torch.bool), list("aaaabbbb"), c) for c in (changed, plain)
                )
                assert torch.equal(found.advantages, expected.advantages) == (field.name not in kind.reads), name


def test_a_section_at_its_defaults_is_checked_without_torch() -> None:
    code = "import sys; from awpo_verl.config import parse; parse(None); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_call_format_is_accepted_by_name() -> None:
    for name in (AUTO, *FORMATS, "my_package.formats:MINE"):
        assert parse({"outcome": {"format": name}}).outcome.format == name


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"gat": {"kind": "hard"}}, r"algorithm\.awpo\.gat: Key 'gat' not in .* gate\.kind=variance_ratio"),
        ({"gate": {"kin": "hard"}}, r"algorithm\.awpo\.gate\.kin: Key 'kin' not in"),
        (
            {"gate": {"kind": "soft"}},
            r"algorithm\.awpo\.gate\.kind=soft .* one of .*hard.* or module:function",
        ),
        ({"gate": 3}, r"algorithm\.awpo"),
        ({"reasoning_weight": "much"}, r"algorithm\.awpo\.reasoning_weight: Value 'much' .* Float"),
        ({"reasoning_weight": -0.1}, r"algorithm\.awpo\.reasoning_weight=-0\.1 .* >= 0"),
        ({"reasoning_weight": math.nan}, r"algorithm\.awpo\.reasoning_weight=nan"),
        ({"reasoning_weight": math.inf}, r"algorithm\.awpo\.reasoning_weight=inf"),
        ({"reasoning_std_floor": -1}, r"algorithm\.awpo\.reasoning_std_floor=-1"),
        ({"outcome_range": [1, 0]}, r"algorithm\.awpo\.outcome_range=\[1\.0, 0\.0\] .* low < high"),
        ({"outcome_range": [0, 1, 2]}, r"algorithm\.awpo\.outcome_range"),
        ({"outcome_range": [0, "x"]}, r"algorithm\.awpo\.outcome_range\[1\]"),
        ({"outcome_range": "wide"}, r"algorithm\.awpo\.outcome_range=wide .* auto, or two finite numbers"),
        ({"outcome_range": 1.0}, r"algorithm\.awpo\.outcome_range=1\.0 .* auto, or two finite numbers"),
        ({"outcome_range": None}, r"algorithm\.awpo\.outcome_range=None .* auto, or two finite numbers"),
        ({"outcome_range": [0, math.inf]}, r"algorithm\.awpo\.outcome_range=\[0\.0, inf\]"),
        ({"outcome_range": [False, True]}, r"algorithm\.awpo\.outcome_range\[0\]=False"),
        ({"reasoning_range": [10, 0]}, r"algorithm\.awpo\.reasoning_range=\[10\.0, 0\.0\] .* low < high"),
        ({"reasoning_range": "auto"}, r"algorithm\.awpo\.reasoning_range"),
        ({"reasoning_key": ""}, r"algorithm\.awpo\.reasoning_key"),
        ({"reasoning_key": "outcome"}, r"algorithm\.awpo\.reasoning_key=outcome .*taken: acc, checked, exact"),
        ({"gate": {"kind": "fixed", "value": 1.5}}, r"algorithm\.awpo\.gate\.value=1\.5 .* \[0, 1\]"),
        ({"gate": {"kind": "hard", "threshold": -1}}, r"algorithm\.awpo\.gate\.threshold=-1"),
        ({"gate": {"value": 0.9}}, r"gate\.value=0\.9 has no effect with algorithm\.awpo\.gate\.kind=variance_ratio"),
        ({"gate": {"threshold": 0.1}}, r"gate\.threshold=0\.1 has no effect"),
        ({"difficulty": {"kind": "cubic"}}, r"algorithm\.awpo\.difficulty\.kind=cubic .* parabolic, none"),
        (
            {"difficulty": {"kind": "none", "d_min": 0.7}},
            r"difficulty\.d_min=0\.7 has no effect .*difficulty\.kind=none",
        ),
        ({"difficulty": {"d_min": -1}}, r"algorithm\.awpo\.difficulty\.d_min=-1"),
        ({"difficulty": {"d_min": 2.0}}, r"algorithm\.awpo\.difficulty\.d_max=1\.5 .* >= 2 \(difficulty\.d_min\)"),
        ({"difficulty": {"d_min": 0, "d_max": 0}}, r"algorithm\.awpo\.difficulty\.d_max=0"),
        ({"clip": {"shrink": -0.2}}, r"algorithm\.awpo\.clip\.shrink=-0\.2"),
        ({"outcome": {"format": "x ml"}}, r"algorithm\.awpo\.outcome\.format=x ml .* auto, the name of a call format"),
        ({"outcome": {"match": "fuzzy"}}, r"algorithm\.awpo\.outcome\.match=fuzzy .* exact, graded"),
        ({"outcome": {"strings": "lower"}}, r"algorithm\.awpo\.outcome\.strings=lower .* strict, normalized"),
        ({"clip": {"scope": "token"}}, r"algorithm\.awpo\.clip\.scope=token .* batch, sequence"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(section: dict, message: str) -> None:
    with pytest.raises(AWPOConfigError, match=message):
        parse(OmegaConf.create(section))


@pytest.mark.parametrize(
    ("given", "fixed"), [("auto", None), ([-1, 1], (-1.0, 1.0)), ((0.0, 10), (0.0, 10.0)), ("${x}", (0.0, 2.0))]
)
def test_the_outcome_range_is_auto_or_two_numbers(given: object, fixed: tuple[float, float] | None) -> None:
    config = OmegaConf.create({"x": [0, 2], "awpo": {"outcome_range": given}})
    assert parse(config.awpo).fixed_outcome_range() == fixed
    if given != "${x}":
        assert AWPOConfig(outcome_range=given).fixed_outcome_range() == fixed


def test_interpolations_are_resolved_inside_the_whole_config() -> None:
    config = OmegaConf.create({"algorithm": {"gamma": 0.5, "awpo": {"reasoning_weight": "${algorithm.gamma}"}}})
    assert parse(config.algorithm.awpo).reasoning_weight == 0.5
    config.algorithm.awpo.reasoning_weight = "${algorithm.nowhere}"
    with pytest.raises(AWPOConfigError, match=r"algorithm\.awpo.*nowhere"):
        parse(config.algorithm.awpo)
