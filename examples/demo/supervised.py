"""Supervised learning of a tiny model on a CPU: phases, batches, Muon, and a cache of what comes out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import tokenizers
import torch
import transformers
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from examples.demo import tiny_model


@dataclass(frozen=True)
class Phase:
    """One stretch of supervised learning.

    lr: the peak, after a tenth of the steps; then it falls to a twentieth.
    muon: Muon in place of AdamW for the weight matrices. It learns a skill in fewer steps, but AdamW keeps
        more of a skill while a habit is learned.
    pool: batches made at once and sorted by length, so that little is padding; 1 where a batch must not be
        all short replies or all long ones.
    mix_start, mix_end: relative share of easy, medium and hard questions at the first step, and from 60 % of
        the steps on; in between it moves evenly.
    """

    steps: int
    lr: float
    muon: bool = False
    pool: int = 1
    mix_start: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mix_end: tuple[float, float, float] = (1.0, 1.0, 1.0)


def cached(
    folder: Path,
    make: Callable[[], tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]],
    progress: Callable[[str], None],
) -> Path:
    """The folder, with what `make` makes saved in it, or as an earlier call left it.

    Its name should hold a `fingerprint`, so that a stale one is never used. A run that is cut off leaves nothing that
    a later run would take for a result.
    """
    if folder.is_dir():
        progress(f"warm start: found in {folder}")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        model, tokenizer = make()
        tiny_model.save(model, tokenizer, unfinished)
        unfinished.chmod(0o755)
        if not folder.is_dir():  # another process may have been faster
            os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def fingerprint(settings: Any, modules: Iterable[ModuleType]) -> str:
    """A hash of settings (a JSON value), the modules' sources, and the versions of the libraries."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    for library in (torch, transformers, tokenizers):
        digest.update(library.__version__.encode())
    return digest.hexdigest()[:16]


def collate(rows: Sequence[Sequence[list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as input_ids and labels, [rows, longest] each; labels[t] is the token after t, -100 where it is not taught.

    Args:
        rows: each the pieces of a conversation as token ids, given and taught in turns: (prompt, reply), or
            (prompt, reply, observation, reply, ...).
        pad: token id; rows are padded on the right.
    """
    length = max(sum(map(len, row)) for row in rows)
    ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), -100)
    for i, row in enumerate(rows):
        position = 0
        for piece, tokens in enumerate(row):
            end = position + len(tokens)
            ids[i, position:end] = torch.tensor(tokens)
            if piece % 2:
                labels[i, position - 1 : end - 1] = torch.tensor(tokens)
            position = end
    return ids, labels


def _optimizers(model: Qwen3ForCausalLM, phase: Phase) -> list[torch.optim.Optimizer]:
    """AdamW; with phase.muon, Muon for the weight matrices and AdamW for the embedding and the norms."""
    if not phase.muon:
        return [torch.optim.AdamW(model.parameters(), lr=phase.lr, weight_decay=0.01)]
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=phase.lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=phase.lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def train_phase(
    model: Qwen3ForCausalLM,
    phase: Phase,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    name: str,
    progress: Callable[[str], None],
) -> None:
    """One update a batch, each the input_ids and labels that collate makes.

    Rows are padded on the right and attention is causal, so no mask is needed.
    """
    optimizers = _optimizers(model, phase)
    warm_up = max(1, phase.steps // 10)
    started = time.monotonic()
    model.train()
    for step, (ids, labels) in enumerate(batches, start=1):
        scale = min(step / warm_up, 1.0) * (1 - 0.95 * step / phase.steps)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        taught = labels != -100
        loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[taught]), labels[taught])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = phase.lr * scale
            optimizer.step()
            optimizer.zero_grad()
        if step % 50 == 0 or step == phase.steps:
            spent = time.monotonic() - started
            progress(f"warm start: {name} {step}/{phase.steps}, loss {loss.item():.3f}, {spent:.0f} s")
