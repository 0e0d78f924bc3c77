"""The examples in the docstrings of the method and its config run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from awpo_verl.algorithm import advantage, groups, ranges
from awpo_verl.config import section


@pytest.mark.parametrize("module", [advantage, groups, ranges, section])
def test_the_examples_in_the_docstrings_run(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried > 0
