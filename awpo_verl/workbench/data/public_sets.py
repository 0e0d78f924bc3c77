"""The public sets by name, and what tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awpo_verl.workbench.data import bfcl_rows, plain_rows, sources, toolace, toolrl, xlam
from awpo_verl.workbench.data.sample import Dropped, Sample
from awpo_verl.workbench.files.json_files import FileRow


@dataclass(frozen=True)
class PublicSet:
    """How to read a set.

    Attributes:
        read_samples: a row and its place -> its samples. Raises BrokenRowError if the row is not in the set's form,
            UnusableError if it gives no sample.
        keys: columns of the set's rows, by groups; a row has all columns of one group.
        own_prompt: the rows hold a prompt with the tools in it, for `--prompt source`.
        read_rows: a path -> its rows.
    """

    read_samples: Callable[[Mapping[str, Any], str], Iterator[Sample | Dropped]]
    keys: tuple[tuple[str, ...], ...]
    own_prompt: bool = False
    read_rows: Callable[[Path], Iterator[FileRow]] = sources.read_rows


SETS: dict[str, PublicSet] = {
    "toolace": PublicSet(toolace.read_samples, (("system", "conversations"),), own_prompt=True),
    "xlam": PublicSet(xlam.read_samples, (("query", "tools", "answers"),)),
    "rlla": PublicSet(
        toolrl.read_samples, (("prompt", "reward_model"), ("instruction", "input", "output")), own_prompt=True
    ),
    "bfcl": PublicSet(bfcl_rows.read_samples, (("question", "function"),), read_rows=bfcl_rows.read_rows),
    "jsonl": PublicSet(
        plain_rows.read_samples, (("messages",), ("prompt", "tools"), ("question", "tools")), own_prompt=True
    ),
}


def guess_sets(row: Any) -> list[str]:
    """Names of the sets whose columns the row has."""
    if not isinstance(row, Mapping):
        return []
    return [name for name, given in SETS.items() if any(all(key in row for key in keys) for keys in given.keys)]
