"""Installing the package changes no run that does not use it: verl's functions get and return what they did before."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import verl  # noqa: F401  # loads the plugin
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto

from awpo_verl.integration import hooks, seam_hydra
from awpo_verl.integration.check_seams import find_function
from awpo_verl.integration.seam_loss import _clip_scale
from awpo_verl.integration.seams import CPU, SEAMS, Seam
from tests.integration.through_trainers import rows

HYDRA = "hydra._internal.config_loader_impl"
V1, LEGACY = "verl.trainer.ppo.v1.trainer_base", "verl.trainer.ppo.ray_trainer"


@dataclass(frozen=True)
class Run:
    """A run that does not use AWPO."""

    estimator: str
    manager: str

    @property
    def config(self) -> Any:
        algorithm = {"adv_estimator": self.estimator, "gdpo_reward_keys": ["outcome", "reasoning"]}
        return OmegaConf.create({"algorithm": algorithm, "reward": {"reward_manager": {"name": self.manager}}})

    @property
    def owner(self) -> Any:
        """The `self` of verl's trainers and workers."""
        return SimpleNamespace(config=self.config)

    @property
    def data(self) -> DataProto:
        """With a user's own reward parts, which may have any name of ours but reasoning_valid, and critic's values."""
        data = rows([1.0, 0.0], ["a", "a"])
        parts = {"outcome": [1.0, 0.0], "reasoning": [8.0, None], "score": [1.0, 0.0]}
        data.non_tensor_batch |= {key: np.array(values, dtype=object) for key, values in parts.items()}
        data.batch["values"] = torch.zeros_like(data.batch["token_level_rewards"])
        return data


RUNS = [Run(estimator, manager) for estimator in ("grpo", "gdpo", "gae") for manager in ("naive", "dapo")]
DUMP = ("inputs", "outputs", "gts", "scores", "reward_extra_infos_dict", "dump_path")
# for each wrapped function: the arguments that verl passes
CALLS: dict[tuple[str, str], Callable[[Run], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    (HYDRA, "ConfigLoaderImpl._compose_config_from_defaults_list"): lambda run: ((object(), []), {"repo": object()}),
    ("verl.trainer.config.algorithm", "AlgoConfig.__init__"): lambda run: (
        (SimpleNamespace(),),
        {"adv_estimator": run.estimator},
    ),
    ("verl.utils.config", "validate_config"): lambda run: (
        (),
        {"config": run.config, "use_reference_policy": False, "use_critic": run.estimator == "gae"},
    ),
    (LEGACY, "compute_advantage"): lambda run: (
        (run.data,),
        {"adv_estimator": run.estimator, "gamma": 0.5, "num_repeat": 2, "config": run.config.algorithm},
    ),
    ("verl.trainer.ppo.metric_utils", "compute_data_metrics"): lambda run: (
        (),
        {"batch": run.data, "use_critic": run.estimator == "gae"},
    ),
    (LEGACY, "RayPPOTrainer._dump_generations"): lambda run: (
        (run.owner,),
        {name: {"score": [1.0]} if name == "reward_extra_infos_dict" else ["x"] for name in DUMP},
    ),
    (V1, "PPOTrainer._compute_advantage"): lambda run: ((run.owner, object()), {"metrics": {"a": 1.0}}),
    (V1, "compute_advantage_for_multi_trajectories"): lambda run: (
        (run.data,),
        {"batch_keys": ["a_0_0", "a_1_0"], "adv_estimator": run.estimator, "config": run.config.algorithm},
    ),
    (V1, "PPOTrainer._log_rollout_data"): lambda run: ((run.owner, object(), {}, "folder"), {}),
    (V1, "PPOTrainer._dump_generations"): lambda run: (
        (run.owner,),
        {name: {"uid": ["a_0_0"]} if name == "reward_extra_infos_dict" else ["x"] for name in DUMP},
    ),
    ("verl.workers.utils.losses", "ppo_loss"): lambda run: (
        (),
        {"config": object(), "model_output": {}, "data": TensorDict({"advantages": torch.zeros(1)}, 1)},
    ),
    ("verl.experimental.agent_loop.agent_loop", "AgentLoopWorker._compute_score"): lambda run: (
        (run.owner, [object()]),
        {"kwargs": {"uid": "a"}},
    ),
    ("verl.experimental.reward_loop.reward_loop", "RewardLoopWorker.compute_score"): lambda run: (
        (run.owner,),
        {"data": run.data},
    ),
}


def put(module: Any, name: str, value: Any) -> None:
    """Set `Class.method` or a function in a module; the class is made where it is not there."""
    owner_name, _, attribute = name.rpartition(".")
    if owner_name and not hasattr(module, owner_name):
        setattr(module, owner_name, type(owner_name, (), {}))
    setattr(getattr(module, owner_name) if owner_name else module, attribute, value)


def stub_of(seam: Seam, calls: list[Any], result: Any) -> Any:
    """A function with the signature of verl's own, which writes its calls down."""
    theirs = inspect.unwrap(find_function(importlib.import_module(seam.module), seam.name)[2])

    def stub(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs, _clip_scale.get()))
        return result

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return stub(*args, **kwargs)

    chosen: Any = awaited if inspect.iscoroutinefunction(theirs) else stub
    chosen.__signature__ = inspect.signature(theirs)
    return chosen


def module_with_seams(name: str, calls: list[Any], result: Any) -> Any:
    """A module of that name whose functions are stubs, with our seams put in place by the hooks."""
    module = ModuleType(name)
    for seam in SEAMS:
        if seam.module == name:
            put(module, seam.name, stub_of(seam, calls, result))
    hooks.HOOKS[name](module)
    return module


def snapshot(arguments: Any) -> str:
    """The content of arguments: keys and values of configs, columns and tensors."""

    def plain(value: Any) -> Any:
        if OmegaConf.is_config(value):
            return OmegaConf.to_container(value)
        if isinstance(value, DataProto):
            return [plain(dict(value.batch)), plain(value.non_tensor_batch), plain(value.meta_info)]
        if isinstance(value, SimpleNamespace):
            return plain(vars(value))
        if isinstance(value, torch.Tensor | np.ndarray):
            return value.tolist()
        if isinstance(value, dict | TensorDict):
            return {key: plain(item) for key, item in dict(value).items()}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else str(value)

    return json.dumps(plain(arguments))


def test_the_table_of_calls_has_every_function_that_a_run_on_gpus_finds_wrapped() -> None:
    wrapped = set()
    for seam in SEAMS:
        if seam.feature != CPU and seam.module in hooks.HOOKS:
            function = find_function(importlib.import_module(seam.module), seam.name)[2]
            wrapped |= {(seam.module, seam.name)} if hasattr(function, "__wrapped__") else set()
    assert wrapped == CALLS.keys()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.estimator}-{run.manager}")
@pytest.mark.parametrize("place", CALLS, ids=lambda place: place[1])
def test_without_awpo_verls_function_gets_the_same_arguments_and_its_result_is_returned(
    place: tuple[str, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    calls: list[Any] = []
    result: Any = OmegaConf.create({"trainer": {}}) if place[0] == HYDRA else {"verl's": "own"}
    module = module_with_seams(place[0], calls, result)
    function = find_function(module, place[1])[2]
    args, kwargs = CALLS[place](run)
    before = snapshot([args, kwargs, result])
    returned = function(*args, **kwargs)
    returned = asyncio.run(returned) if inspect.isawaitable(returned) else returned
    assert returned is result
    [(got, named, clip_scale)] = calls
    assert len(got) == len(args)
    assert all(one is other for one, other in zip(got, args, strict=True))
    assert named.keys() == kwargs.keys()
    assert all(named[name] is kwargs[name] for name in kwargs)
    assert clip_scale is None
    assert snapshot([args, kwargs, result]) == before


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.estimator}-{run.manager}")
def test_verl_reads_the_config_that_hydra_would_compose_without_us(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    config = run.config
    seam_hydra.add_section(config)
    module = module_with_seams("verl.utils.config", [], None)
    module.validate_config(config, use_reference_policy=False, use_critic=False)
    assert config == run.config


def test_keys_of_ours_that_a_user_has_set_stay_in_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERL_PLATFORM", raising=False)
    config = RUNS[0].config
    seam_hydra.add_section(config)
    config.algorithm.awpo.reasoning_weight = 2.0
    module_with_seams("verl.utils.config", [], None).validate_config(config, False, False)
    assert config.algorithm.awpo.reasoning_weight == 2.0


# Looks through all modules of a process for functions, classes and registry entries that are ours.
FIND_PATCHES = """
import importlib, json, os, sys, types
import verl, awpo_verl
from awpo_verl.integration.check_seams import find_function
from awpo_verl.integration.keys import on_cpu
from awpo_verl.integration.seams import CPU, SEAMS

known = [s for s in SEAMS if s.feature != CPU or on_cpu()]
at_seams = {id(find_function(importlib.import_module(s.module), s.name)[2]): s.full_name for s in known}
folder = os.path.dirname(awpo_verl.__file__) + os.sep

def is_ours(value):
    if isinstance(value, types.MethodType): return is_ours(value.__func__)
    if isinstance(value, types.FunctionType): return value.__code__.co_filename.startswith(folder)
    if isinstance(value, types.SimpleNamespace): return any(is_ours(v) for v in vars(value).values())
    return isinstance(value, type) and str(value.__module__).startswith("awpo_verl")

patches, entries = set(), set()

def look(name, value):
    if is_ours(value):
        patches.add(at_seams.get(id(value), "NOT IN SEAMS: " + name))
    elif type(value) is dict:  # a subclass may import what it names
        entries.update(f"{name}[{key}]" for key, item in list(value.items()) if is_ours(item))

for name, module in [(n, m) for n, m in sys.modules.items() if isinstance(m, types.ModuleType)]:
    if name.split(".")[0] in ("__main__", "__mp_main__", "awpo_verl"): continue
    for attribute, value in list(vars(module).items()):
        if attribute == "__builtins__": continue
        look(f"{name}.{attribute}", value)
        if isinstance(value, type) and str(value.__module__) == name:
            for member, item in list(vars(value).items()):
                look(f"{name}.{attribute}.{member}", item)
print(json.dumps([sorted(patches), sorted(entries)]))
"""
ON_CPU = {seam.full_name for seam in SEAMS if seam.feature == CPU}
REGISTRIES = {"ADV_ESTIMATOR_REGISTRY", "POLICY_LOSS_REGISTRY", "REWARD_MANAGER"}


@pytest.mark.parametrize("platform", ["", "cpu"])
def test_nothing_is_patched_that_is_not_in_the_table_of_seams(platform: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIND_PATCHES],
        env=os.environ | {"VERL_PLATFORM": platform},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    patches, entries = json.loads(done.stdout.splitlines()[-1])
    assert not [name for name in patches if name.startswith("NOT IN SEAMS")]
    everywhere = {f"{module}.{name}" for module, name in CALLS}
    assert set(patches) - everywhere <= (ON_CPU if platform else set())
    assert everywhere <= set(patches)
    registered = {entry.rpartition(".")[2] for entry in entries}
    assert {f"{name}[awpo]" for name in REGISTRIES} <= registered
    assert {name.partition("[")[2] for name in registered} <= ({"awpo]", "cpu]"} if platform else {"awpo]"})
