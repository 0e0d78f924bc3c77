"""A tokenizer for the tests of the reward manager."""

from __future__ import annotations

import random
from typing import Any

import pytest

from examples.demo import shop, tiny_model
from tests.rewards.managing import RIGHT


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    example = shop.make_example(random.Random(0), "easy")
    texts = [RIGHT, *(message["content"] for message in shop.messages(example))]
    return tiny_model.make_tokenizer(tiny_model.ModelSettings(), texts, shop.ITEMS)
