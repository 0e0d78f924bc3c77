"""Loading: the entry point is enough, an unsupported verl is said loudly, and GRPO users are left in peace."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

from awpo_verl import SUPPORTED_VERL
from awpo_verl.plugin import version_problem

# Imports verl, which registers the plugin; says what validation makes of a config that has nothing but an estimator.
VALIDATE = """
import verl
from omegaconf import OmegaConf
from verl.utils.config import validate_config
for estimator in ("awpo", "grpo"):
    try:
        validate_config(OmegaConf.create({"algorithm": {"adv_estimator": estimator}}), False, False)
    except Exception as error:
        print(estimator, type(error).__name__, error)
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | environment
    )


def test_the_installed_verl_is_supported() -> None:
    assert version_problem(version("verl")) is None


def test_the_entry_point_is_declared() -> None:
    assert [e.value for e in entry_points(group="verl.plugins") if e.name == "awpo"] == ["awpo_verl.plugin:register"]


def test_importing_verl_is_enough() -> None:
    done = python(
        "import verl; from verl.trainer.ppo import core_algos as c; "
        "from verl.experimental.reward_loop.reward_manager import get_reward_manager_cls as g; "
        "fns = c.get_adv_estimator_fn('awpo'), c.get_policy_loss_fn('awpo'), g('awpo'); "
        "print(*(fn.__module__ for fn in fns))"
    )
    modules = "awpo_verl.integration.seam_estimator awpo_verl.integration.seam_loss awpo_verl.rewards.manager"
    assert modules in done.stdout, done.stderr


@pytest.mark.parametrize("unsupported", ["0.8.0", "0.9.0", "0.10.0", "0.9.2.dev0"])
def test_an_unsupported_version_says_what_is_supported_and_what_to_do(unsupported: str) -> None:
    problem = version_problem(unsupported)
    assert problem is not None
    assert f"verl {unsupported} is not supported" in problem
    assert f'pip install "verl{SUPPORTED_VERL}"' in problem


def test_with_an_unsupported_verl_awpo_is_refused_and_grpo_is_not() -> None:
    # the version file is verl's own word for its version; register() runs while verl is imported
    code = """
import awpo_verl.versions; awpo_verl.versions.SUPPORTED_VERL = "==9.9"
"""
    done = python(code + VALIDATE)
    assert "awpo_verl: verl 0.9.1 is not supported" in done.stderr
    assert 'pip install "verl==9.9"' in done.stderr
    assert "awpo AWPOConfigError algorithm.adv_estimator=awpo: verl 0.9.1 is not supported" in done.stdout
    assert "grpo ConfigAttributeError" in done.stdout  # verl's own validation, of a config that is none


def test_an_unsupported_verl_whose_validation_takes_something_else_refuses_awpo_too() -> None:
    code = """
import awpo_verl.versions; awpo_verl.versions.SUPPORTED_VERL = "==9.9"
import wrapt
def move(module):
    module.validate_config = lambda cfg, *_: print("verl goes on")
wrapt.register_post_import_hook(move, "verl.utils.config")
"""
    done = python(code + VALIDATE)
    assert "awpo AWPOConfigError algorithm.adv_estimator=awpo: verl 0.9.1 is not supported" in done.stdout
    assert "verl goes on" in done.stdout


def test_a_registration_that_fails_is_said_and_awpo_is_refused() -> None:
    code = """
from awpo_verl.integration import hooks
def install():
    raise RuntimeError("seam gone")
hooks.install = install
"""
    done = python(code + VALIDATE)
    assert "awpo_verl: AWPO could not be registered with verl 0.9.1: RuntimeError: seam gone" in done.stderr
    assert "awpo AWPOConfigError algorithm.adv_estimator=awpo: AWPO could not be registered" in done.stdout


def test_a_package_that_is_missing_is_said_and_awpo_is_refused() -> None:
    code = """
import sys
sys.modules["wrapt"] = None
"""
    done = python(code + VALIDATE)
    assert "awpo_verl: AWPO could not be registered" in done.stderr
    assert "wrapt" in done.stdout


def test_a_moved_seam_does_not_stop_verl_from_being_imported() -> None:
    code = """
from awpo_verl.integration import patching
wrap = patching.wrap
def moved(module, name, around):
    if name == "ppo_loss":
        module.ppo_loss_v2 = module.__dict__.pop("ppo_loss")
    wrap(module, name, around)
patching.wrap = moved
import verl, verl.workers.utils.losses as losses
print(losses.ppo_loss_v2.__module__, len(patching.FAILURES))
"""
    done = python(code)
    assert done.stdout.strip().endswith("verl.workers.utils.losses 1"), done.stderr
    assert "seam verl.workers.utils.losses.ppo_loss: it is not there" in done.stderr


def test_an_untested_verl_can_be_tried_on_purpose() -> None:
    code = """
import awpo_verl.versions; awpo_verl.versions.SUPPORTED_VERL = "==9.9"
import verl
from verl.trainer.ppo import core_algos
print(core_algos.get_adv_estimator_fn("awpo").__name__)
"""
    done = python(code, AWPO_ALLOW_UNTESTED_VERL="1")
    assert done.stdout.strip().endswith("estimator"), done.stderr


def test_importing_the_package_is_light() -> None:
    done = python("import sys, awpo_verl; print(awpo_verl.__version__, 'torch' in sys.modules, 'verl' in sys.modules)")
    assert done.stdout.split()[1:] == ["False", "False"]


def test_nothing_of_the_cpu_platform_is_active_without_the_variable() -> None:
    code = """
import sys, verl, importlib.metadata
from verl.plugin.platform.platform_manager import PlatformRegistry
print("cpu" in PlatformRegistry.registered_names(), "awpo_verl.integration.cpu" in sys.modules,
      importlib.metadata.version.__module__)
"""
    assert python(code, VERL_PLATFORM="").stdout.split() == ["False", "False", "importlib.metadata"]
    assert python(code, VERL_PLATFORM="cpu").stdout.split()[:2] == ["True", "True"]
