"""Run several command lines of verl one after the other in one set of processes: Ray, one worker, one vLLM server.

    python -m tests.integration.runs_in_one_process runs.json

verl takes more than a minute to start, and a step takes seconds. So tests whose runs need the same workers share them.
The file holds [[metrics file, keys], ...]. The first run is the same as its command line alone. Each later run reads
its data again, counts its steps from 1 and continues with the weights of the run before it. It may differ from the
first run in the sections that verl's trainer reads (`algorithm`, `data`, `trainer`) and in NOT_USED. Any other
difference is an error, because the workers have already read their config.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import ray
from omegaconf import OmegaConf

from awpo_verl.workbench.preflight.compose import compose_config

SECTIONS = ("algorithm", "data", "trainer")
# The actor keeps the loss of the first run. `awpo` without a clip scale equals verl's `vanilla`, and a run that stops
# before its update needs no loss.
NOT_USED = ("actor_rollout_ref.actor.policy_loss.loss_mode",)
BEGINS = "[runs] begins: "  # printed before each run, with the file of its metrics


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {prefix.removeprefix("."): node}
    return {key: value for name, item in node.items() for key, value in flat(item, f"{prefix}.{name}").items()}


def read_by_workers(config: Any) -> dict[str, Any]:
    """The keys of a config that the workers read when they start."""
    keys = flat(OmegaConf.to_container(config, resolve=True))
    return {key: value for key, value in keys.items() if key.split(".")[0] not in SECTIONS and key not in NOT_USED}


def differences(config: Any, first: Any) -> list[str]:
    """The keys for which a later run needs other workers."""
    mine, theirs = read_by_workers(config), read_by_workers(first)
    return sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))


def run_all(trainer: Any, manager: Any, runs: list[tuple[str, Any]], fit: Any) -> None:
    for number, (metrics, config) in enumerate(runs):
        os.environ["VERL_FILE_LOGGER_PATH"] = metrics
        print(f"{BEGINS}{metrics}", flush=True)
        if number:
            for section in SECTIONS:
                trainer.config[section] = config[section]
            trainer.global_steps = 0
            trainer._init_dataloader()
            trainer._init_dump_executor()
        fit(manager)
        trainer.logger.finish(exit_code=0)


def main() -> None:
    from verl.trainer.main_ppo import TaskRunnerV1, run_ppo

    runs = []
    for metrics, keys in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        composed = compose_config(keys)
        print(f"{composed.remarks}", flush=True)
        runs.append((metrics, composed.config))
        unlike = differences(composed.config, runs[0][1])
        if unlike:
            raise SystemExit(f"This run needs other workers than the first run, because {unlike} differ: {keys}")

    base: Any = TaskRunnerV1.__ray_metadata__.modified_class

    class Runs(base):
        """verl's task runner with a trainer whose `fit` trains all runs."""

        def init_agent_loop_manager(self) -> None:
            super().init_agent_loop_manager()
            trainer = self.trainer
            fit = trainer.fit
            trainer.fit = lambda manager: run_all(trainer, manager, runs, fit)

    run_ppo(runs[0][1], task_runner_class=ray.remote(Runs))


if __name__ == "__main__":
    main()
