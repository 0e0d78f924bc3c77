"""Small result and score files in BFCL's own form, with every way that an entry can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
OPENAI = "Traceback (most recent call last):\n  ...\nopenai.{}: Error code"
TOO_LONG = {
    "result": "Error during inference: Error code: 400 - This model's maximum context length is 256 tokens.",
    "traceback": OPENAI.format("BadRequestError"),
}
DOWN = {"result": "Error during inference: Connection error.", "traceback": OPENAI.format("APIConnectionError")}
UNREADABLE = {"result": "Error during inference: 'name'", "traceback": "Traceback:\n  ...\nKeyError: 'name'"}


def lines(path: Path, entries: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")


def save(root: Path, group: str, category: str, results: list[dict[str, Any]], wrong: list[dict[str, Any]]) -> None:
    """A category's result and score files as BFCL writes them: the score file has a head and the wrong entries."""
    right = len(results) - len(wrong)
    head = {"accuracy": right / len(results), "correct_count": right, "total_count": len(results)}
    lines(root / f"result/evaluated/{group}/BFCL_v4_{category}_result.json", results)
    lines(root / f"score/evaluated/{group}/BFCL_v4_{category}_score.json", [head, *wrong])
