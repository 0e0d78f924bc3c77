"""The rows of a batch of verl's v1 trainers: which of them are rollouts, and their reward parts.

Rows are not rollouts. A session (one rollout) may have several outputs, with the keys `{uid}_{session}_{i}`, and verl
appends padding rows (tag `is_padding`). As in verl's GRPO, a session counts once, through its last output, and all of
its rows get its result. Padding rows enter nothing.

R = rows of the batch, B = sessions, T = response tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from awpo_verl.integration.tokens import find_rows_without_tokens
from awpo_verl.rewards.parts import DATA_SOURCE


@dataclass(frozen=True)
class BatchRows:
    """What TransferQueue knows of R rows, beside what verl fetches itself.

    Attributes:
        parts: each row's `reward_extra_info`; {} where it has none.
        real: False for a padding row.
        sources: each row's data_source; None where they are not known.
    """

    parts: list[dict[str, Any]]
    real: list[bool]
    sources: list[Any] | None = None


def fetch_rows(batch: Any) -> BatchRows:
    """Get the rows of a batch from TransferQueue. batch: verl's KVBatchMeta."""
    fields = _fetch_fields(batch, ["extra_fields", DATA_SOURCE])
    parts = [get_parts(extra) for extra in fields["extra_fields"]]
    return BatchRows(parts, find_real_rows(batch.tags), list(fields[DATA_SOURCE]))


def fetch_parts(batch: Any) -> list[dict[str, Any]]:
    """Get the reward parts of a batch's rows from TransferQueue. batch: verl's KVBatchMeta."""
    return [get_parts(extra) for extra in _fetch_fields(batch, ["extra_fields"])["extra_fields"]]


def _fetch_fields(batch: Any, names: list[str]) -> Any:
    import transfer_queue as tq

    return tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=names)


def get_parts(extra_fields: Any) -> dict[str, Any]:
    """The reward parts in a row's `extra_fields`, not copied; {} where it has none."""
    return (extra_fields.get("reward_extra_info") or {}) if isinstance(extra_fields, dict) else {}


def find_real_rows(tags: Sequence[Mapping[str, Any]]) -> list[bool]:
    """False for each padding row, by the rows' tags."""
    return [not tag.get("is_padding", False) for tag in tags]


@dataclass(frozen=True)
class Sessions:
    """The B sessions in R rows.

    Attributes:
        last_row: B row numbers, of each session's last output.
        of_row: R session numbers; without a meaning where the row is padding.
        real: R flags, False for a padding row.
    """

    last_row: list[int]
    of_row: list[int]
    real: list[bool]

    def select(self, values: Tensor) -> Tensor:
        """The value of each session's last row. values: [R, ...]. Returns [B, ...]."""
        return values.index_select(0, torch.tensor(self.last_row, dtype=torch.int64, device=values.device))

    def find_rejected(self, response_mask: Tensor) -> Tensor:
        """Which sessions have no response token left in any of their rows. response_mask: [R, T]. Returns bool [B]."""
        with_tokens = ~find_rows_without_tokens(response_mask)
        real = torch.tensor(self.real)
        rejected = torch.ones(len(self.last_row), dtype=torch.bool)
        return rejected.index_fill_(0, self._of_real_row.masked_select(with_tokens.masked_select(real)), False)

    def to_rows(self, values: Tensor, padding: float) -> Tensor:
        """Each session's value in all of its rows. values: [B]. Returns float32 [R]; `padding` in padding rows."""
        in_rows = values.float().index_select(0, self._of_real_row)
        return torch.full((len(self.real),), padding).masked_scatter(torch.tensor(self.real), in_rows)

    @property
    def _of_real_row(self) -> Tensor:
        return torch.tensor(self.of_row, dtype=torch.int64).masked_select(torch.tensor(self.real))


def find_sessions(batch_keys: Sequence[str], real: Sequence[bool]) -> Sessions:
    """Sort R rows into sessions.

    Args:
        batch_keys: R keys, `{uid}_{session}_{i}`; i is the number of the output.
        real: R flags, False for a padding row.
    """
    real = list(real)
    if all(key.endswith("_0") for key in batch_keys):  # one output each, as usual: every real row is a session
        last_row = [row for row, is_real in enumerate(real) if is_real]
        return Sessions(last_row, (np.cumsum(real) - 1).clip(min=0).tolist(), real)
    last: dict[str, tuple[int, int]] = {}  # session -> (output number, row)
    session_of_row: list[str] = []
    for row, key in enumerate(batch_keys):
        session, _, output = key.rpartition("_")
        session_of_row.append(session)
        if real[row] and (session not in last or int(output) > last[session][0]):
            last[session] = (int(output), row)
    number = {session: i for i, session in enumerate(last)}
    return Sessions([row for _, row in last.values()], [number.get(name, 0) for name in session_of_row], real)


class PartsByKey(Mapping[str, list[Any]]):
    """The reward parts of B rows as columns. A column is made when it is read: a row has twenty, and few are read.

    A key that a row lacks is None there. `data_source` is a key where the sources are known.
    """

    def __init__(self, rows: BatchRows, numbers: Sequence[int]) -> None:
        """numbers: B row numbers."""
        self._parts = [rows.parts[number] for number in numbers]
        self._made: dict[str, list[Any] | None] = {}  # None: no row has the key
        if rows.sources is not None:
            self._made[DATA_SOURCE] = [rows.sources[number] for number in numbers]

    def __getitem__(self, key: str) -> list[Any]:
        if key not in self._made:
            self._made[key] = _make_column(self._parts, key)
        column = self._made[key]
        if column is None:
            raise KeyError(key)
        return column

    def __iter__(self) -> Iterator[str]:
        made = [key for key, column in self._made.items() if column is not None]
        return iter({key: None for part in [made, *self._parts] for key in part})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _make_column(parts: list[dict[str, Any]], key: str) -> list[Any] | None:
    try:
        return [part[key] for part in parts]
    except KeyError:
        return [part.get(key) for part in parts] if any(key in part for part in parts) else None


def to_columns(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All reward parts of R rows by key, as object arrays [R], as verl has them; None where a row lacks the key."""
    keys = {key: None for row in parts for key in row}
    return {key: np.array([row.get(key) for row in parts], dtype=object) for key in keys}
