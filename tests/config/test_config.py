"""Each wrong key or value of algorithm.awpo is refused, and the message names the key and what to use."""

from __future__ import annotations

import math

import pytest
from omegaconf import OmegaConf

from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.config import DIFFICULTY_KINDS, GATE_KINDS, AWPOConfig, AWPOConfigError, parse
from awpo_verl.rewards.outcome.formats import AUTO, FORMATS


def test_defaults_are_the_methods() -> None:
    c = parse(None)
    assert c == AWPOConfig()
    assert (c.reasoning_weight, c.reasoning_std_floor, c.outcome_range) == (1.0, 0.05, "auto")
    assert c.reasoning_range == [0.0, 1.0]
    assert (c.gate.kind, c.difficulty.kind, c.clip.scope) == ("variance_ratio", "parabolic", "batch")
    assert (c.difficulty.d_min, c.difficulty.d_max, c.clip.shrink) == (0.1, 1.5, 0.2)


def test_every_kind_that_the_config_allows_has_its_function() -> None:
    assert set(GATES) == set(GATE_KINDS)
    assert set(DIFFICULTIES) == set(DIFFICULTY_KINDS)
    for name in (AUTO, *FORMATS, "my_package.formats:MINE"):
        assert parse({"outcome": {"format": name}}).outcome.format == name


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"gat": {"kind": "hard"}}, r"algorithm\.awpo\.gat: Key 'gat' not in .* gate\.kind=variance_ratio"),
        ({"gate": {"kin": "hard"}}, r"algorithm\.awpo\.gate\.kin: Key 'kin' not in"),
        ({"gate": {"kind": "soft"}}, r"algorithm\.awpo\.gate\.kind=soft .* one of variance_ratio, fixed, hard, none"),
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
def test_a_wrong_section_is_refused_by_key(section: dict, message: str) -> None:
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


def test_interpolations_are_resolved_where_they_stand() -> None:
    config = OmegaConf.create({"algorithm": {"gamma": 0.5, "awpo": {"reasoning_weight": "${algorithm.gamma}"}}})
    assert parse(config.algorithm.awpo).reasoning_weight == 0.5
    config.algorithm.awpo.reasoning_weight = "${algorithm.nowhere}"
    with pytest.raises(AWPOConfigError, match=r"algorithm\.awpo.*nowhere"):
        parse(config.algorithm.awpo)
