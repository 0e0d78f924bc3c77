"""The data files, looked at before a launch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.preflight.data import _check_truths
from tests.workbench.preflight.conftest import of, write_rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"prompt": "x"}], "has no column data_source, reward_model; it has prompt"),
        ("not parquet", "is not a parquet file"),
    ],
)
def test_files_that_verl_could_not_use(said: Callable[..., Any], tmp_path: Path, rows: Any, expected: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "other.parquet"
    if isinstance(rows, str):
        path.write_text(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    assert any(expected in error for error in of(said(f"data.train_files={path}"), "error"))


def test_a_file_without_rows_is_an_error(said: Callable[..., Any], tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = write_rows(tmp_path / "empty.parquet", 1)
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert of(said(f"data.val_files={path}"), "error") == ["data: data.val_files have no rows, which verl cannot load."]


def _row(truth: Any) -> dict[str, Any]:
    return {"data_source": "tools", "reward_model": {"ground_truth": truth}}


def test_ground_truths_are_read_before_the_run(
    said: Callable[..., Any], composed: Callable[..., Any], tmp_path: Path
) -> None:
    broken = write_rows(tmp_path / "broken.parquet", 300, '{"tool_calls": 3}')
    assert any(
        "row 0: ground_truth['tool_calls'] must be a list" in e for e in of(said(f"data.val_files={broken}"), "error")
    )
    other = write_rows(tmp_path / "other.parquet", 300, "42")
    warnings = of(said(f"data.train_files={other}"), "warning")
    assert any("ground truths of tools are not expected calls" in warning for warning in warnings)
    trajectory = {"environment": "m:E", "trajectory": [[]]}
    assert not any(
        "not expected calls" in finding.message for finding in _check_truths("f", [_row(trajectory)], composed())
    )
    function = tmp_path / "reward.py"
    function.write_text("def compute_score(**kwargs): return 1.0")
    own = ("reward.custom_reward_function.path=" + str(function), f"data.train_files={other}")
    assert not any("not expected calls" in warning for warning in of(said(*own), "warning"))


def test_other_data_that_verl_reads_is_a_warning(said: Callable[..., Any], tmp_path: Path) -> None:
    lines = tmp_path / "rows.jsonl"
    lines.write_text("{}\n")
    assert of(said(f"data.train_files={lines}"), "error") == []
    assert of(said(f"data.train_files={tmp_path}", "data.custom_cls.path=/mine.py"), "error") == []
    (error,) = of(said(f"data.train_files={tmp_path}"), "error")
    assert "verl reads files named .parquet, .json or .jsonl" in error
