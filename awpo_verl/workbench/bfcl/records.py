"""BFCL's result and score files -> one record an entry: right, wrong, or no answer, and why.

BFCL keeps a failed request's error as the text of the answer. Scored like any answer it is wrong in most categories and
right in the irrelevance ones, where calling nothing is right. Here such an entry is never right: where the conversation
outgrew the model's context, or the handler could not read what the model had said, it is wrong; where the server
failed, it has no verdict and is left out of n.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from awpo_verl.workbench.bfcl.inside_bfcl_eval import CHAT, CRASHED, failure_kind, read_lines

_UNDECODED = ("ast_decoder:decoder_failed", "ast_decoder:decoder_wrong_output_format", "relevance_error:decoder_failed")
_PREFIX = "BFCL_v4_"


@dataclass(frozen=True)
class BfclEntry:
    """One entry. `correct` is None where there is no verdict. `kind` is "" where BFCL's verdict stands as it is:

    context, server, handler: no answer, see bfcl_run.failure; missing: not generated; decode: BFCL found no calls that
    it could read; crash: BFCL's checker raised. `error` is BFCL's error type; `cut` says that the answer, or one of a
    conversation's, went up to the limit of new tokens.
    """

    category: str
    correct: bool | None
    kind: str = ""
    error: str = ""
    cut: bool = False


@dataclass(frozen=True)
class BfclRun:
    """A finished or partial run: what it was made with, its records by id, and BFCL's own accuracies by category."""

    settings: dict[str, Any]
    records: dict[str, BfclEntry]
    bfcl: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)  # kind of failure -> an example

    def of(self, category: str) -> dict[str, BfclEntry]:
        return {id: record for id, record in self.records.items() if record.category == category}

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(record.category for record in self.records.values()))

    def as_json(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "bfcl": self.bfcl,
            "records": {k: asdict(v) for k, v in self.records.items()},
        }


class MissingRunError(FileNotFoundError):
    """There is no run where one was named."""


def read_run(root: Path, settings: dict[str, Any]) -> BfclRun:
    """The run whose files bfcl_run.py left in `root`. The ids that were asked for count, whatever else is there."""
    note = json.loads((root / "selection.json").read_text(encoding="utf-8"))
    new, context = settings.get("max_new_tokens"), settings.get("context")
    if not new and settings.get("handler") not in CHAT:
        new = 4096  # what BFCL's handlers of prompts ask for; those of chats leave it to the server
    records: dict[str, BfclEntry] = {}
    bfcl: dict[str, float] = {}
    messages: dict[str, str] = {}
    for category, ids in note["selection"].items():
        results = {entry["id"]: entry for entry in _lines(root / "result", category, "result")}
        head, *wrong = _lines(root / "score", category, "score") or [{}]
        if "accuracy" in head:
            bfcl[category] = head["accuracy"]
        errors = {entry["id"]: _error(entry) for entry in wrong}
        for id in ids:
            scored = head.get("total_count") == len(results)  # else the scores are of an earlier run
            records[id] = _record(category, results.get(id), errors.get(id, ""), scored, new, context)
            if records[id].kind in ("context", "server", "handler"):
                messages.setdefault(records[id].kind, f"{id}: {results[id]['result']}")
    return BfclRun(settings | {"bfcl_eval": note["bfcl_eval"]}, records, bfcl, messages)


def load_saved_run(path: Path) -> BfclRun:
    """A run that was reported before: its bfcl.json, or the folder that has it."""
    file = path / "bfcl.json" if path.is_dir() else path
    if not file.is_file():
        raise MissingRunError(f"BASELINE={path}: no {file}; give another run's OUT or its bfcl.json")
    saved = json.loads(file.read_text(encoding="utf-8"))
    return BfclRun(
        saved["settings"], {id: BfclEntry(**record) for id, record in saved["records"].items()}, saved["bfcl"]
    )


def count_failures(records: dict[str, BfclEntry]) -> Counter[str]:
    """How many of each kind of failure, and how many answers were cut."""
    count = Counter(record.kind for record in records.values() if record.kind)
    count["cut"] = sum(record.cut for record in records.values())
    return count


def _record(
    category: str, result: dict[str, Any] | None, error: str, scored: bool, new: int | None, context: int | None
) -> BfclEntry:
    if result is None or not scored:
        return BfclEntry(category, None, "missing")
    if kind := failure_kind(result):
        return BfclEntry(category, None if kind == "server" else False, kind, error)
    cut = _is_cut(result, new or math.inf, context or math.inf)
    kind = "crash" if error == CRASHED else "decode" if error in _UNDECODED else ""
    return BfclEntry(category, not error, kind, error, cut)


def _is_cut(result: dict[str, Any], new: float, context: float) -> bool:
    """Whether an answer has as many tokens as it was given: the cap, or what the prompt had left of the context."""
    made, given = (_flat(result.get(key)) for key in ("output_token_count", "input_token_count"))
    room = [min(new, context - tokens - 2) for tokens in given]
    return any(tokens >= most for tokens, most in zip(made, room, strict=False))


def _flat(value: Any) -> list[float]:
    """BFCL counts tokens as a number, or as a list a step in a list a turn."""
    if isinstance(value, list):
        return [number for item in value for number in _flat(item)]
    return [value] if isinstance(value, int | float) else []


def _error(entry: dict[str, Any]) -> str:
    """BFCL's error type: at the top in single-turn categories, under `error` in the others."""
    inner = entry.get("error")
    nested = inner.get("error_type") if isinstance(inner, dict) else None
    return entry.get("error_type") or nested or "unknown"


def _lines(folder: Path, category: str, what: str) -> list[dict[str, Any]]:
    for path in folder.rglob(f"{_PREFIX}{category}_{what}.json"):
        return [json.loads(line) for line in read_lines(path)]
    return []
