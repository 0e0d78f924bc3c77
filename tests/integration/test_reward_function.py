"""The user's reward function is loaded as verl's reward worker loads it, and an error says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import verl  # noqa: F401  # loads the plugin
from omegaconf import OmegaConf

from awpo_verl.config import AWPOConfigError
from awpo_verl.integration.reward_function import left_to_a_subprocess, load, require_loadable
from awpo_verl.integration.validation import prepare

GOOD = "def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n    return 0.0\n"
DATACLASS = (
    """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Score:
    value: float

"""
    + GOOD
)

# file, name -> what the error says
BROKEN = {
    "syntax": ("def compute_score(:\n", "compute_score", r"SyntaxError: invalid syntax .*line 1.*Correct the file"),
    "name": (GOOD, "compute_scores", r"Set reward\.custom_reward_function\.name to a function of that file"),
    "no name": (GOOD, None, r"name=None\) cannot be loaded: AssertionError. Set reward\.custom_reward_function\.name"),
    "sibling": ("import my_helpers\n" + GOOD, "compute_score", r"line 1\)\. verl loads the file alone.*my_helpers"),
    "dataclass": (DATACLASS, "compute_score", r"does not add the file to sys\.modules.*pkg://package\.module"),
    "raises": ("TABLE = {}['a']\n" + GOOD, "compute_score", r"KeyError: 'a' \(.*r\.py, line 1\)"),
    "no function": ("compute_score = 3\n", "compute_score", r"TypeError: it is a int, and verl calls it"),
}


def config_of(path: Path, name: str | None = "compute_score") -> Any:
    return OmegaConf.create({"reward": {"custom_reward_function": {"path": str(path), "name": name}}})


@pytest.mark.parametrize("case", BROKEN)
def test_a_function_that_verl_cannot_load_is_refused_with_its_reason(tmp_path: Path, case: str) -> None:
    text, name, expected = BROKEN[case]
    (tmp_path / "my_helpers.py").write_text("")  # beside the file, which is not enough
    (tmp_path / "r.py").write_text(text)
    with pytest.raises(
        AWPOConfigError, match=r"reward\.custom_reward_function\.path=.*r\.py.*cannot be loaded"
    ) as raised:
        require_loadable(config_of(tmp_path / "r.py", name))
    assert raised.match(expected)


def test_a_missing_file_is_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(AWPOConfigError, match=r"Set reward\.custom_reward_function\.path to the file"):
        require_loadable(config_of(tmp_path / "none.py"))


def test_a_function_that_loads_is_bound_with_its_keywords(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("def compute_score(solution_str, scale):\n    return scale * len(solution_str)\n")
    config = config_of(tmp_path / "r.py")
    config.reward.custom_reward_function.reward_kwargs = {"scale": 3}
    require_loadable(config)
    assert load(config)(solution_str="ab") == 6  # 3 * 2 letters


def test_no_function_is_nothing_to_load() -> None:
    require_loadable(OmegaConf.create({"reward": {"custom_reward_function": {"path": None}}}))


def test_a_check_of_the_command_line_does_not_load_it_in_its_own_process(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("import os\nos._exit(3)\n")  # it would end the tests
    with left_to_a_subprocess():
        require_loadable(config_of(tmp_path / "r.py"))


def test_awpo_refuses_a_run_whose_reward_function_cannot_be_loaded(tmp_path: Path) -> None:
    from tests.integration.test_validation import composed

    config = composed("algorithm.adv_estimator=awpo", f"reward.custom_reward_function.path={tmp_path}/none.py")
    with pytest.raises(AWPOConfigError, match=r"none\.py \(name=compute_score\) cannot be loaded: FileNotFoundError"):
        prepare(config, set())
