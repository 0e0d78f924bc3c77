"""The rewards import without the packages of the extra `judge`; only a judge needs them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from awpo_verl.config import AWPOConfigError, JudgeConfig, packages, parse
from awpo_verl.rewards.reasoning.judge import make_judge
from tests.paths import ROOT

MESSAGE = r"algorithm\.awpo\.reasoning_source=judge needs the package openai: pip install 'awpo_verl\[judge\]'"
JUDGE = {"reasoning_source": "judge", "judge": {"base_url": "http://judge-host:8000/v1", "model": "m"}}

# verl is imported first: what it imports itself does not count
IMPORTS = """
import importlib, pkgutil, sys
import verl.experimental.reward_loop.reward_manager
BLOCKED = ("openai", "httpx", "httpx2")
for name in list(sys.modules):
    if name.partition(".")[0] in BLOCKED:
        del sys.modules[name]

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import awpo_verl.rewards.outcome
import awpo_verl.rewards as rewards
names = [module.name for module in pkgutil.walk_packages(rewards.__path__, "awpo_verl.rewards.")]
assert len(names) > 40, names
for name in names:
    importlib.import_module(name)
from awpo_verl.config import AWPOConfigError, parse
assert parse(None).reasoning_source == "rubric"
try:
    parse({"reasoning_source": "judge", "judge": {"base_url": "http://judge-host:8000/v1", "model": "m"}})
except AWPOConfigError as error:
    print(error)
"""


def test_all_modules_of_rewards_import_without_openai_and_httpx() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == (
        "algorithm.awpo.reasoning_source=judge needs the package openai: pip install 'awpo_verl[judge]'"
    )


@pytest.fixture
def without_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)  # so that importing it raises ImportError


@pytest.mark.usefixtures("without_openai")
def test_a_judge_without_openai_is_refused_at_the_config_check_and_at_load() -> None:
    with pytest.raises(AWPOConfigError, match=MESSAGE):
        parse(JUDGE)
    judge: Any = JUDGE["judge"]
    with pytest.raises(AWPOConfigError, match=MESSAGE):
        make_judge(JudgeConfig(**judge))


@pytest.mark.usefixtures("without_openai")
def test_the_rubric_does_not_need_openai() -> None:
    assert parse({"reasoning_source": "rubric"}).reasoning_source == "rubric"


def test_an_installed_package_is_accepted_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    packages.require_package("wave", "judge", "reasoning_source=judge")
    assert "wave" not in sys.modules
