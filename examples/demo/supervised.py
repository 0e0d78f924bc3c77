"""Supervised learning of a tiny model on a CPU: batches, optimizers and one phase of training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import Qwen3ForCausalLM


@dataclass(frozen=True)
class Phase:
    """A phase of supervised learning.

    steps: number of updates.
    lr: the highest learning rate, reached after a tenth of the steps. It then falls to a twentieth.
    muon: use Muon for the weight matrices, not AdamW. Muon learns a skill in fewer steps. AdamW forgets less of a
        skill while the model learns a habit.
    pool: number of batches that are made at once and sorted by length, which saves padding. 1: batches mix lengths.
    mix_start, mix_end: relative share of easy, medium and hard questions at the first step, and from 60 % of
        the steps on. In between the share changes evenly.
    """

    steps: int
    lr: float
    muon: bool = False
    pool: int = 1
    mix_start: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mix_end: tuple[float, float, float] = (1.0, 1.0, 1.0)


def collate(rows: Sequence[Sequence[list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as input_ids and labels, (B, T) each. labels[i, t] is the token after t, or -100 where nothing is taught.

    Args:
        rows: B conversations. Each is a list of pieces of token ids: (prompt, reply) or (prompt, reply, observation,
            reply, ...). The model learns every second piece, the replies.
        pad: token id that fills a row up to T, on the right.
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
    """AdamW; where phase.muon is set, Muon for the weight matrices and AdamW for the embedding and the norms."""
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
    """Train on batches of input_ids and labels, (B, T) each, with one update for each batch.

    Rows are padded on the right and attention is causal, so the model needs no attention mask.
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
