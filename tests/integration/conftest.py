"""A workspace for the real loop, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.seeded_runs import OneWorker, run_one_worker
from tests.integration.verl_loop import REWARD_FUNCTIONS, Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A random tiny Qwen3, prompts of the demo task, and a user's reward functions."""
    import random

    from examples.demo import shop, tiny_model

    folder: Path = tmp_path_factory.mktemp("workspace")
    examples = shop.write_parquet(folder / "prompts.parquet", "train", {"easy": 8, "hard": 8})
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


@pytest.fixture(scope="session")
def thinking_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A tiny model that has just learned to think and to call, on easy prompts of the demo task."""
    from examples.demo import shop, shop_warm_start, supervised, tiny_model

    folder: Path = tmp_path_factory.mktemp("thinking")
    easy = (1.0, 0.0, 0.0)
    settings = shop_warm_start.Settings(
        model=tiny_model.ModelSettings(layers=2, hidden_size=128, intermediate_size=256),
        skill=supervised.Phase(steps=48, lr=1e-2, muon=True, pool=16, mix_start=easy, mix_end=easy),
        habit=supervised.Phase(steps=0, lr=1e-3),
    )
    model, tokenizer = shop_warm_start.train(settings, 0, print)
    tiny_model.save(model, tokenizer, folder / "model")
    shop.write_parquet(folder / "prompts.parquet", "train", {"easy": 48})
    return Workspace(folder)
