"""Train several runs one after the other in the same verl processes.

verl needs a minute and a half to start Ray, the worker and vLLM on two cores, so the runs share them. Each run starts
where the first started. verl's trainer loads the checkpoint from before its first step (weights, a fresh optimizer, the
learning rate), reads its data again with the run's seed, and gives vLLM the weights. Then its `fit` trains with the
run's keys. Only keys that the trainer reads can differ (`algorithm.*`, `data.*`), because the workers have read theirs.
The actor's loss is `awpo` for all runs; without a clip scale it equals verl's vanilla.

Written for verl 0.9.1, trainer/main_ppo.py and trainer/ppo/v1/trainer_base.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FINISHED, SETTINGS, METRICS = "finished.json", "settings.json", "metrics.jsonl"


@dataclass(frozen=True)
class Cell:
    """One run: the folder of its metrics, its keys (key -> value), and all settings that decide what it learns."""

    folder: str
    keys: dict[str, Any]
    settings: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of the settings."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def finished(self) -> bool:
        """Whether the run has ended with these settings."""
        kept = Path(self.folder) / FINISHED
        return kept.exists() and json.loads(kept.read_text())["settings"] == self.settings


def run(config: Any, cells: list[Cell]) -> None:
    """Train all cells and block until they are done. Starts and stops Ray.

    Args:
        config: verl's config, composed and validated; the cells' keys are set in it.
    """
    import ray
    from omegaconf import OmegaConf
    from verl.trainer.main_ppo import TaskRunnerV1, run_ppo

    OmegaConf.update(config, "trainer.resume_mode", "disable")  # else it would resume from an earlier series

    base: Any = TaskRunnerV1.__ray_metadata__.modified_class

    class Series(base):
        """verl's task runner; the `fit` of its trainer trains each cell."""

        def init_agent_loop_manager(self) -> None:
            super().init_agent_loop_manager()
            trainer = self.trainer
            fit = trainer.fit
            trainer.fit = lambda manager: _fit_all(trainer, lambda: fit(manager), cells)

    try:
        run_ppo(config, task_runner_class=ray.remote(Series))
    finally:
        ray.shutdown()


def _fit_all(trainer: Any, fit: Callable[[], None], cells: list[Cell]) -> None:
    from omegaconf import OmegaConf, open_dict

    trainer.replay_buffer.poll_interval = 0.2  # verl's 2 s are long for a step of 5 s
    trainer.global_steps = 0
    trainer._save_checkpoint()
    Path(
        trainer.config.trainer.default_local_dir, "global_step_0", "data.pt"
    ).unlink()  # each run has its own order of the data
    first = OmegaConf.create(OmegaConf.to_container(trainer.config))
    for number, cell in enumerate(cells, 1):
        started = time.monotonic()
        folder = Path(cell.folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS).unlink(missing_ok=True)
        (folder / SETTINGS).write_text(json.dumps(asdict(cell), indent=1) + "\n")
        os.environ["VERL_FILE_LOGGER_PATH"] = str(folder / METRICS)
        with open_dict(trainer.config):
            for section in ("algorithm", "data", "trainer"):
                trainer.config[section] = first[section]
            for key, value in cell.keys.items():
                OmegaConf.update(trainer.config, key, value, force_add=True)
        _start_again(trainer)
        print(f"[series] {number}/{len(cells)} {folder.name}: started", flush=True)
        fit()
        trainer.logger.finish(exit_code=0)
        seconds = time.monotonic() - started
        (folder / FINISHED).write_text(json.dumps({"seconds": round(seconds), "settings": cell.settings}) + "\n")
        print(f"[series] {number}/{len(cells)} {folder.name}: done in {seconds / 60:.1f} minutes", flush=True)


def _start_again(trainer: Any) -> None:
    """Reset data, weights, optimizer and vLLM to their state before the first step."""
    trainer._init_dataloader()
    trainer._init_dump_executor()
    first = os.path.join(trainer.config.trainer.default_local_dir, "global_step_0")
    trainer.config.trainer.resume_mode, trainer.config.trainer.resume_from_path = "resume_path", first
    trainer._load_checkpoint()
    trainer.checkpoint_manager.sleep_replicas()
    trainer.checkpoint_manager.update_weights(0)
