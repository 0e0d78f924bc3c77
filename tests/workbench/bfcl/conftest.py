"""A run with every way that an entry can fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl import entries
from awpo_verl.workbench.bfcl.entries import BfclRun
from awpo_verl.workbench.bfcl.inside_bfcl_eval import CRASHED
from tests.workbench.bfcl.bfcl_files import CALL, DOWN, TOO_LONG, UNREADABLE, save


@pytest.fixture
def run(tmp_path: Path) -> BfclRun:
    selection = {
        "simple_python": [f"simple_python_{i}" for i in range(6)],
        "irrelevance": ["irrelevance_0", "irrelevance_1", "irrelevance_2"],
        "multi_turn_base": ["multi_turn_base_0", "multi_turn_base_1", "multi_turn_base_2"],
    }
    (tmp_path / "selection.json").write_text(json.dumps({"bfcl_eval": "1", "selection": selection}), encoding="utf-8")
    simple = [
        {"id": "simple_python_0", "result": CALL, "input_token_count": 50, "output_token_count": 10},
        {"id": "simple_python_1", "result": "no call", "input_token_count": 50, "output_token_count": 64},
        {"id": "simple_python_2"} | TOO_LONG,
        {"id": "simple_python_3"} | DOWN,
        {"id": "simple_python_4"} | UNREADABLE,
    ]
    wrong = [{"id": f"simple_python_{i}", "valid": False, "error_type": "simple_function_checker:x"} for i in (2, 3, 4)]
    undecoded = {"id": "simple_python_1", "valid": False, "error_type": "ast_decoder:decoder_failed"}
    save(tmp_path, "non_live", "simple_python", simple, [undecoded, *wrong])
    irrelevance = [{"id": "irrelevance_0", "result": "no call"}, {"id": "irrelevance_1"} | TOO_LONG]
    save(tmp_path, "non_live", "irrelevance", [*irrelevance, {"id": "irrelevance_2"} | DOWN], [])
    tokens = {"input_token_count": [[90, 120], [240]], "output_token_count": [[5, 5], [14]]}
    turns = [
        {"id": "multi_turn_base_0", "result": [[CALL, "done"], ["done"]]} | tokens,
        {"id": "multi_turn_base_1"} | TOO_LONG,
        {"id": "multi_turn_base_2", "result": [[CALL]]},
    ]
    errors = ["multi_turn:inference_error", CRASHED]
    wrong = [{"id": f"multi_turn_base_{i}", "error": {"error_type": e}} for i, e in zip((1, 2), errors, strict=True)]
    save(tmp_path, "multi_turn", "multi_turn_base", turns, wrong)
    return entries.read_run(tmp_path, {"max_new_tokens": 64, "context": 256})
