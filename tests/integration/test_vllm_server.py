"""The server of the tests says why it cannot start. That it serves: test_judge_served.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.vllm_server import serve


def test_a_server_that_dies_is_reported_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)exit code 1\b.*no_such_model"),
        serve(tmp_path / "no_such_model", "tiny", tmp_path / "vllm.log"),
    ):
        pass
