"""Read BFCL's result and score files: for each entry right, wrong or no answer, and why.

BFCL keeps the error of a failed request as the text of the answer. Scored as an answer, it is wrong in most categories
and right in the irrelevance categories, which expect no call. Here such an entry is never right. It is wrong if the
conversation outgrew the model's context, or if the handler could not read the model's reply. If the server failed, it
has no result and is left out of n.
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
    """The result of one BFCL entry.

    Attributes:
        correct: None without a result.
        kind: "" if BFCL's own result counts; else context, server, handler (no answer: inside_bfcl_eval.failure_kind),
            missing (not generated), decode (BFCL found no readable calls), or crash (BFCL's checker raised).
        error: BFCL's error type.
        cut: the answer, or one of a conversation's answers, reached the limit of new tokens.
    """

    category: str
    correct: bool | None
    kind: str = ""
    error: str = ""
    cut: bool = False


@dataclass(frozen=True)
class BfclRun:
    """A finished or partial run.

    Attributes:
        settings: how the run was made.
        entries: id -> result.
        bfcl: category -> BFCL's own accuracy.
        messages: kind of failure -> an example.
    """

    settings: dict[str, Any]
    entries: dict[str, BfclEntry]
    bfcl: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def of(self, category: str) -> dict[str, BfclEntry]:
        return {id: entry for id, entry in self.entries.items() if entry.category == category}

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(entry.category for entry in self.entries.values()))

    def as_json(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "bfcl": self.bfcl,
            "records": {id: asdict(entry) for id, entry in self.entries.items()},
        }


class MissingRunError(FileNotFoundError):
    """The named place holds no run."""


def read_run(root: Path, settings: dict[str, Any]) -> BfclRun:
    """Read the run whose files inside_bfcl_eval.py wrote to `root`. Only the ids that this run selected count."""
    note = json.loads((root / "selection.json").read_text(encoding="utf-8"))
    new, context = settings.get("max_new_tokens"), settings.get("context")
    if not new and settings.get("handler") not in CHAT:
        new = 4096  # the limit of BFCL's prompting handlers; its chat handlers leave it to the server
    entries: dict[str, BfclEntry] = {}
    bfcl: dict[str, float] = {}
    messages: dict[str, str] = {}
    for category, ids in note["selection"].items():
        results = {entry["id"]: entry for entry in _lines(root / "result", category, "result")}
        head, *wrong = _lines(root / "score", category, "score") or [{}]
        if "accuracy" in head:
            bfcl[category] = head["accuracy"]
        errors = {entry["id"]: _error(entry) for entry in wrong}
        for id in ids:
            scored = head.get("total_count") == len(results)  # otherwise the scores are from an earlier run
            entries[id] = _make_entry(category, results.get(id), errors.get(id, ""), scored, new, context)
            if entries[id].kind in ("context", "server", "handler"):
                messages.setdefault(entries[id].kind, f"{id}: {results[id]['result']}")
    return BfclRun(settings | {"bfcl_eval": note["bfcl_eval"]}, entries, bfcl, messages)


def load_saved_run(path: Path) -> BfclRun:
    """Load a reported run from its bfcl.json, or from the folder that has it."""
    file = path / "bfcl.json" if path.is_dir() else path
    if not file.is_file():
        raise MissingRunError(f"BASELINE={path}: no {file}; give another run's OUT or its bfcl.json")
    saved = json.loads(file.read_text(encoding="utf-8"))
    return BfclRun(saved["settings"], {id: BfclEntry(**entry) for id, entry in saved["records"].items()}, saved["bfcl"])


def count_failures(entries: dict[str, BfclEntry]) -> Counter[str]:
    """Count the failures of each kind, and the answers that were cut."""
    count = Counter(entry.kind for entry in entries.values() if entry.kind)
    count["cut"] = sum(entry.cut for entry in entries.values())
    return count


def _make_entry(
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
    """Whether an answer used all tokens that it could have: the limit, or the rest of the context after the prompt."""
    made, given = (_flat(result.get(key)) for key in ("output_token_count", "input_token_count"))
    room = [min(new, context - tokens - 2) for tokens in given]
    return any(tokens >= most for tokens, most in zip(made, room, strict=False))


def _flat(value: Any) -> list[float]:
    """Flatten BFCL's token counts: a number, or a list per turn of lists per step."""
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
