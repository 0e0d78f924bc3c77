"""A workspace for the real loop, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.verl_loop import REWARD_FUNCTIONS, Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A random tiny Qwen3, prompts of the demo task, and a user's reward functions."""
    import random

    from awpo_verl.tasks import shop, tiny_model

    folder: Path = tmp_path_factory.mktemp("workspace")
    examples = shop.write_parquet(folder / "prompts.parquet", "train", {"easy": 8, "hard": 8})
    texts = [shop.reference_response(shop.make_example(random.Random(i), "hard")) for i in range(200)]
    texts += [message["content"] for message in shop.messages(examples[0])]
    settings = tiny_model.ModelSettings(layers=2, hidden_size=128, intermediate_size=256)
    tokenizer = tiny_model.make_tokenizer(settings, texts, shop.ITEMS)
    tiny_model.save(tiny_model.make_model(settings, tokenizer, seed=0), tokenizer, folder / "model")
    (folder / "rewards.py").write_text(REWARD_FUNCTIONS)
    return Workspace(folder)
