"""The examples in the docstrings of the rewards run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from awpo_verl.rewards import parts, row
from awpo_verl.rewards.outcome import checker, parse, target


@pytest.mark.parametrize("module", [checker, parse, parts, row, target])
def test_the_examples_in_the_docstrings_run(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 0
