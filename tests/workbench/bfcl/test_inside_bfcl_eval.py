"""The script in bfcl-eval's environment: failed requests, and the choice of entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl.inside_bfcl_eval import failure_kind, forget_server_failures, pick_evenly
from tests.workbench.bfcl.bfcl_files import CALL, DOWN, OPENAI, TOO_LONG, UNREADABLE, lines


def test_only_failed_requests_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "evaluated/live/BFCL_v4_live_simple_result.json"
    lines(path, [{"id": "a", "result": CALL}, {"id": "b"} | DOWN, {"id": "c"} | TOO_LONG, {"id": "d"} | UNREADABLE])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "e", "res')  # the last line of a run that was killed
        file.write('\n{"id": "f", "result": "one line, to JSON: a\u2028b"}\n')
    assert forget_server_failures(tmp_path) == 2
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]] == [
        "a",
        "c",
        "d",
        "f",
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("max_tokens=1000 cannot be greater than max_model_len=max_total_tokens=256.", "context"),
        ("This model's maximum context length is 8192 tokens. However, you requested 9000 output tokens", "context"),
        ("The decoder prompt (length 300) is longer than the maximum model length of 256.", "context"),
        ("Internal server error", "server"),
    ],
)
def test_vllms_messages_for_a_prompt_that_is_too_long(message: str, kind: str) -> None:
    entry = {"result": f"Error during inference: Error code: 400 - {message}", "traceback": OPENAI.format("APIError")}
    assert failure_kind(entry) == kind


def test_a_larger_limit_keeps_the_entries_of_its_divisors() -> None:
    ids = [str(i) for i in range(97)]
    assert len(pick_evenly(ids, 10)) == 10
    assert set(pick_evenly(ids, 10)) <= set(pick_evenly(ids, 30))
    assert pick_evenly(ids, 0) == pick_evenly(ids, 100) == ids
