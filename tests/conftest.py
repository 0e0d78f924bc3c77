"""Shared pieces of the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

# Before torch is imported, here and in the processes that tests start. The tensors are small: a second thread gains
# nothing, and where other processes want the core too, the threads wait for each other at every operation (measured on
# two busy cores: 16 steps of a warm start take 50 s with two threads and 2 s with one).
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

from awpo_verl.config import AWPOConfig, parse

settings.register_profile("repo", deadline=None, max_examples=60)  # noisy machines: never a deadline
settings.load_profile("repo")


def config(**section: object) -> AWPOConfig:
    """An `algorithm.awpo` section: config(gate={"kind": "hard"}, reasoning_weight=2.0)."""
    return parse(section)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _same_environ() -> Iterator[None]:
    """`datasets` leaves a copy in the place of os.environ when it maps with processes, as verl's dataset does.

    What has bound the old one, rich's Console for one, would not see what later tests set.
    """
    environ = os.environ
    yield
    os.environ = environ  # noqa: B003  # the object itself, not what is in it


@st.composite
def groups(
    draw: st.DrawFn, outcome: st.SearchStrategy[float], reasoning: st.SearchStrategy[float], min_size: int = 2
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """One to four groups of two to six rollouts: outcomes, reasoning scores, labels, rows of the groups interleaved."""
    sizes = draw(st.lists(st.integers(min_size, 6), min_size=1, max_size=4))
    labels = draw(st.permutations([f"prompt-{g}" for g, size in enumerate(sizes) for _ in range(size)]))
    o = draw(st.lists(outcome, min_size=len(labels), max_size=len(labels)))
    q = draw(st.lists(reasoning, min_size=len(labels), max_size=len(labels)))
    return torch.tensor(o), torch.tensor(q), labels


binary = st.sampled_from([0.0, 1.0])
graded = st.integers(0, 20).map(lambda k: k / 20)
