"""The user's reward function is read before the start and loaded in the workers; an error says what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import verl  # noqa: F401  # loads the plugin
from omegaconf import OmegaConf

from awpo_verl.config import AWPOConfigError
from awpo_verl.integration.reward_function import describe_error, load_function, read_runtime_env, require_loadable
from awpo_verl.integration.seam_config import prepare

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


def config_of(path: Path | str, name: str | None = "compute_score") -> Any:
    return OmegaConf.create({"reward": {"custom_reward_function": {"path": str(path), "name": name}}})


READ = {"syntax", "name", "no name"}  # what the text of the file tells; the others show when the file runs


@pytest.mark.parametrize("case", sorted(BROKEN.keys() - {"no name"}))  # verl has a default name
def test_a_function_that_verl_cannot_load_is_explained(tmp_path: Path, case: str) -> None:
    text, name, expected = BROKEN[case]
    (tmp_path / "my_helpers.py").write_text("")  # beside the file, which is not enough
    (tmp_path / "r.py").write_text(text)
    config = config_of(tmp_path / "r.py", name)
    with pytest.raises(Exception) as raised:  # noqa: PT011  # whatever the file raises
        load_function(config)
    explained = describe_error(raised.value, config)
    assert re.search(r"reward\.custom_reward_function\.path=.*r\.py.*cannot be loaded", explained)
    assert re.search(expected, explained)


@pytest.mark.parametrize("case", BROKEN)
def test_what_the_text_of_the_file_tells_is_refused_before_the_start(tmp_path: Path, case: str) -> None:
    text, name, expected = BROKEN[case]
    (tmp_path / "r.py").write_text(text)
    config = config_of(tmp_path / "r.py", name)
    if case not in READ:
        require_loadable(config)
        return
    with pytest.raises(AWPOConfigError, match=r"path=.*r\.py.*cannot be loaded") as raised:
        require_loadable(config)
    assert raised.match(expected)


@pytest.mark.parametrize("text", [GOOD + "\0", GOOD + "return 1\n"])
def test_text_that_parses_and_does_not_compile_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.py").write_text(text)
    with pytest.raises(AWPOConfigError, match=r"cannot be loaded: .*Correct the file"):
        require_loadable(config_of(tmp_path / "r.py"))


# the text of a file that has compute_score once it has run, or may have it
BINDING = {
    "async": "async def compute_score(): ...",
    "class": "class compute_score: ...",
    "tuple": "compute_score, other = len, max",
    "import": "from absent_module import score as compute_score",
    "in a branch": "try:\n    import absent_module\nexcept ImportError:\n    def compute_score(): ...",
    "walrus": "if (compute_score := len): ...",
    "loop": "for compute_score in [len]: ...",
    "star": "from absent_module import *",
    "module's __getattr__": "def __getattr__(name): return len",
    "globals": "globals()['compute_' + 'score'] = len",
    "global": "def make():\n    global compute_score\n    compute_score = len\nmake()",
}
UNBOUND = {
    "method": "class Score:\n    def compute_score(self): ...",
    "inner function": "def make():\n    def compute_score(): ...\n    return compute_score",
    "used only": "print(compute_score)",
    "in a text": "'def compute_score(): ...'",
    "attribute": "class A: ...\nA.compute_score = len",
}


@pytest.mark.parametrize("case", BINDING)
def test_a_name_that_the_file_binds_or_may_bind_is_taken(tmp_path: Path, case: str) -> None:
    (tmp_path / "r.py").write_text(BINDING[case] + "\n")
    require_loadable(config_of(tmp_path / "r.py"))


@pytest.mark.parametrize("text", [b"# coding: latin-1\n# \xe9\n" + GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode()])
def test_a_file_in_an_encoding_of_its_own_is_read(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "r.py").write_bytes(text)
    require_loadable(config_of(tmp_path / "r.py"))


@pytest.mark.parametrize("case", UNBOUND)
def test_a_name_that_the_file_does_not_bind_is_refused(tmp_path: Path, case: str) -> None:
    (tmp_path / "r.py").write_text(UNBOUND[case] + "\n")
    with pytest.raises(AWPOConfigError, match=r"AttributeError.*Set reward\.custom_reward_function\.name"):
        require_loadable(config_of(tmp_path / "r.py"))


def test_the_file_does_not_run_in_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWPO_TEST_GPUS", "0,1")
    harm = f"import os\nos.environ['AWPO_TEST_GPUS'] = '7'\nopen({str(tmp_path / 'ran')!r}, 'w')\n"
    (tmp_path / "r.py").write_text(harm + GOOD)
    require_loadable(config_of(tmp_path / "r.py"))
    assert os.environ["AWPO_TEST_GPUS"] == "0,1"
    assert not (tmp_path / "ran").exists()


def test_a_check_of_the_command_line_does_not_run_it_either(tmp_path: Path) -> None:
    from awpo_verl.workbench.preflight.compose import compose_config

    (tmp_path / "r.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + GOOD)
    path = f"reward.custom_reward_function.path='{tmp_path}/r.py'"
    composed = compose_config(["algorithm.adv_estimator=awpo", "actor_rollout_ref.actor.use_dynamic_bsz=True", path])
    assert composed.config.reward.reward_manager.name == "awpo"
    assert not (tmp_path / "ran").exists()


def test_what_verls_loader_finds_in_another_way_is_left_to_the_workers(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("not Python")
    for path in ("pkg://absent.module", tmp_path / "r.txt", tmp_path):
        require_loadable(config_of(path))
    (tmp_path / "r.py").write_text("def other(): ...\n")
    with pytest.raises(AWPOConfigError, match="Object not found"):
        require_loadable(config_of(f"file://{tmp_path}/r.py"))


def test_a_missing_file_may_be_in_the_working_folder_of_the_workers(tmp_path: Path) -> None:
    config = config_of(tmp_path / "none.py")
    assert read_runtime_env(config) == {}
    config.ray_kwargs = {"ray_init": {"runtime_env": {"py_executable": None, "env_vars": {"A": "b"}}}}
    assert read_runtime_env(config) == {"env_vars": {"A": "b"}}
    with pytest.raises(AWPOConfigError, match="FileNotFoundError"):
        require_loadable(config)
    config.ray_kwargs.ray_init.runtime_env.working_dir = "/elsewhere"
    require_loadable(config)


def test_a_missing_file_is_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(AWPOConfigError, match=r"Set reward\.custom_reward_function\.path to the file"):
        require_loadable(config_of(tmp_path / "none.py"))


def test_a_function_that_loads_is_bound_with_its_keywords(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("def compute_score(solution_str, scale):\n    return scale * len(solution_str)\n")
    config = config_of(tmp_path / "r.py")
    config.reward.custom_reward_function.reward_kwargs = {"scale": 3}
    require_loadable(config)
    assert load_function(config)(solution_str="ab") == 6  # 3 * 2 letters


def test_no_function_is_nothing_to_load() -> None:
    require_loadable(OmegaConf.create({"reward": {"custom_reward_function": {"path": None}}}))


def test_awpo_refuses_a_run_whose_reward_function_cannot_be_loaded(tmp_path: Path) -> None:
    from tests.integration.test_seam_config import composed

    config = composed("algorithm.adv_estimator=awpo", f"reward.custom_reward_function.path={tmp_path}/none.py")
    with pytest.raises(AWPOConfigError, match=r"none\.py \(name=compute_score\) cannot be loaded: FileNotFoundError"):
        prepare(config, set())
