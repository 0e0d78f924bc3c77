"""`awpo-verl prepare desk`: what recipes/run_awpo_qwen4b_multiturn.sh takes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from awpo_verl.rewards.outcome.execution import tools_of
from awpo_verl.workbench.cli import app
from examples.demo import desk

FILES = ("heldout.parquet", "tools.yaml", "train.parquet")


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["prepare", *map(str, arguments)], env={"COLUMNS": "160"})


def asked(file: Path) -> set[str]:
    """The prompts of a file: questions, each with its desk."""
    rows = pq.read_table(file).to_pylist()
    return {json.dumps([row["prompt"][-1]["content"], row["extra_info"]["tools_kwargs"]]) for row in rows}


def test_desk_writes_prompts_of_two_splits_and_the_tools_of_the_loop(tmp_path):
    pytest.importorskip("verl")
    from verl.tools.tool_registry import initialize_tools_from_config

    out = tmp_path / "data" / "desk"
    result = command("desk", "--out", out, "--prompts", 41, 31)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == list(FILES)
    levels = [
        Counter(row["data_source"] for row in pq.read_table(out / f"{split}.parquet").to_pylist())
        for split in ("train", "heldout")
    ]
    # 41 = 21 + 20, 31 = 11 + 10 + 10
    assert levels[0] == {"desk_medium": 21, "desk_hard": 20}
    assert levels[1] == {"desk_easy": 11, "desk_medium": 10, "desk_hard": 10}
    assert not asked(out / "train.parquet") & asked(out / "heldout.parquet")
    tools = initialize_tools_from_config(str(out / "tools.yaml"))
    assert [tool.name for tool in tools] == list(tools_of(desk.Desk))


def test_the_recipes_command_has_enough_prompts_for_its_batch_and_the_seed_decides_them(tmp_path):
    pytest.importorskip("verl")
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert command("desk", "--out", tmp_path / name, "--seed", seed).exit_code == 0
    train = [(tmp_path / name / "train.parquet").read_bytes() for name in "abc"]
    assert train[0] == train[1] != train[2]
    assert (len(asked(tmp_path / "a" / "train.parquet")), len(asked(tmp_path / "a" / "heldout.parquet"))) == (2000, 300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("desk", "rows.jsonl"), "takes no SOURCE; got rows.jsonl"),
        (("desk", "--no-call", 0.2, "--heldout", 0.1), "--prompts alone; got --no-call, --heldout"),
        (("desk", "--prompts", 0, 3), "--prompts is 0 3; use 1 or more of each"),
        (("xlam", "rows.jsonl", "--prompts", 9, 3), "--prompts is of desk alone; for xlam use --limit and --heldout"),
        (("xlam",), "SOURCE is missing: a file, a folder, or a set of the hub"),
    ],
)
def test_an_option_of_the_other_kind_of_set_is_refused(tmp_path, arguments, message):
    result = command(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
