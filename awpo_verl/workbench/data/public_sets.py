"""The public sets by name, and what tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.data import bfcl_rows, plain_rows, sources, toolace, toolrl, xlam
from awpo_verl.workbench.data.sample import Dropped, Sample
from awpo_verl.workbench.files.json_files import Record


@dataclass(frozen=True)
class PublicSet:
    """How a set is read.

    Attributes:
        read: a row, and where it stands -> its samples. Raises BrokenRowError where it is not in the set's form, and
            UnusableError where it gives none.
        keys: columns that the set's rows have; one of these groups.
        own_prompt: its rows hold a prompt that has the tools in it, for `--prompt source`.
        records: the rows of a path.
    """

    read: Callable[[Mapping[str, Any], str], Iterator[Sample | Dropped]]
    keys: tuple[tuple[str, ...], ...]
    own_prompt: bool = False
    records: Callable[[Path], Iterator[Record]] = sources.records


SETS: dict[str, PublicSet] = {
    "toolace": PublicSet(toolace.read, (("system", "conversations"),), own_prompt=True),
    "xlam": PublicSet(xlam.read, (("query", "tools", "answers"),)),
    "rlla": PublicSet(toolrl.read, (("prompt", "reward_model"), ("instruction", "input", "output")), own_prompt=True),
    "bfcl": PublicSet(bfcl_rows.read, (("question", "function"),), records=bfcl_rows.records),
    "jsonl": PublicSet(plain_rows.read, (("messages",), ("prompt", "tools"), ("question", "tools")), own_prompt=True),
}


def looks_like(row: Any) -> list[str]:
    """The sets that have such columns."""
    if not isinstance(row, Mapping):
        return []
    return [name for name, given in SETS.items() if any(all(key in row for key in keys) for keys in given.keys)]
