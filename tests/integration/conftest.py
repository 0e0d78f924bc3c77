"""A workspace for the real loop, made once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.seeded_runs import OneWorker, run_one_worker
from tests.integration.verl_loop import REWARD_FUNCTIONS, Metrics, Workspace

AWPO = "algorithm.adv_estimator=awpo"
# Eight rollouts of each of four prompts: the chance that a binary outcome is constant within every group, so that the
# gradient is 0, is (2 / 2^8)^4 = 4e-9. The chance that its mean over all is 0 or 1 is 2 / 2^32.
EIGHT = "actor_rollout_ref.rollout.n=8"


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A random tiny Qwen3, prompts of the demo task, and a user's reward functions."""
    import random

    import pyarrow as pa
    import pyarrow.parquet as pq

    from examples.demo import shop, tiny_model

    folder: Path = tmp_path_factory.mktemp("workspace")
    examples = shop.write_parquet(folder / "prompts.parquet", "train", {"easy": 8, "hard": 8})
    rows = pq.read_table(folder / "prompts.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist([row | {"data_source": "silent"} for row in rows]), folder / "silent.parquet")
    texts = [shop.reference_response(shop.make_example(random.Random(i), "hard")) for i in range(200)]
    texts += [message["content"] for message in shop.messages(examples[0])]
    settings = tiny_model.ModelSettings(layers=2, hidden_size=128, intermediate_size=256)
    tokenizer = tiny_model.make_tokenizer(settings, texts, shop.ITEMS)
    tiny_model.save(tiny_model.make_model(settings, tokenizer, seed=0), tokenizer, folder / "model")
    (folder / "rewards.py").write_text(REWARD_FUNCTIONS)
    return Workspace(folder)


@pytest.fixture(scope="session")
def one_worker(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> OneWorker:
    """Three runs in one set of processes. Several tests look at them."""
    return run_one_worker(workspace, tmp_path_factory.mktemp("one_worker"))


@dataclass(frozen=True)
class AwpoRuns:
    """Runs in one set of processes: `one_key`, then `silent`.

    folder: of `one_key`, with its checkpoint of step 1. `silent` has a folder in it.
    metrics: by run and step. output: of both runs.
    """

    folder: Path
    metrics: dict[str, Metrics]
    output: str


@pytest.fixture(scope="session")
def awpo_runs(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> AwpoRuns:
    """The command line of a GRPO run with AWPO's key for one step; then four steps with a constant reward."""
    folder: Path = tmp_path_factory.mktemp("awpo_runs")
    silent = folder / "silent"
    runs = {
        "one_key": (EIGHT, AWPO, "trainer.save_freq=1"),
        "silent": (
            *(EIGHT, AWPO, "trainer.total_training_steps=4", "trainer.test_freq=4"),
            *(
                f"data.train_files={workspace.folder}/silent.parquet",
                f"data.val_files={workspace.folder}/silent.parquet",
            ),
            *(f"trainer.rollout_data_dir={silent}/rollouts", f"trainer.validation_data_dir={silent}/validation"),
        ),
    }
    return AwpoRuns(folder, *workspace.run_in_one_process(folder, runs))


@pytest.fixture(scope="session")
def thinking_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo's warm-started model, which thinks and calls, and easy prompts of its task."""
    from examples.demo import shop, shop_warm_start

    folder: Path = tmp_path_factory.mktemp("thinking")
    shutil.copytree(shop_warm_start.warm_start(folder / "cache"), folder / "model")
    shop.write_parquet(folder / "prompts.parquet", "train", {"easy": 48})
    return Workspace(folder)
