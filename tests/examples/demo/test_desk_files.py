"""`python -m examples.demo.desk_files` writes what recipes/run_awpo_qwen4b_multiturn.sh takes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("verl")

from awpo_verl.rewards.outcome.execution import tools_of
from examples.demo import desk, desk_files


def write(out: Path, *arguments: object) -> int:
    return desk_files.main(["--out", str(out), *map(str, arguments)])


def prompts(file: Path) -> set[str]:
    """The prompts of a file: questions, each with its desk."""
    rows = pq.read_table(file).to_pylist()
    return {json.dumps([row["prompt"][-1]["content"], row["extra_info"]["tools_kwargs"]]) for row in rows}


def test_it_writes_prompts_of_both_splits_and_the_tools_for_verl(tmp_path: Path) -> None:
    from verl.tools.tool_registry import initialize_tools_from_config

    out = tmp_path / "data" / "desk"
    assert write(out, "--train", 41, "--heldout", 31) == 0
    assert sorted(path.name for path in out.iterdir()) == ["heldout.parquet", "tools.yaml", "train.parquet"]
    levels = [
        Counter(row["data_source"] for row in pq.read_table(out / f"{split}.parquet").to_pylist())
        for split in ("train", "heldout")
    ]
    # 41 = 21 + 20, 31 = 11 + 10 + 10
    assert levels[0] == {"desk_medium": 21, "desk_hard": 20}
    assert levels[1] == {"desk_easy": 11, "desk_medium": 10, "desk_hard": 10}
    assert not prompts(out / "train.parquet") & prompts(out / "heldout.parquet")
    tools = initialize_tools_from_config(str(out / "tools.yaml"))
    assert [tool.name for tool in tools] == list(tools_of(desk.Desk))


def test_the_defaults_fill_a_batch_of_the_recipe_and_the_seed_draws_the_prompts(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert write(tmp_path / name, "--seed", seed) == 0
    train = [(tmp_path / name / "train.parquet").read_bytes() for name in "abc"]
    assert train[0] == train[1] != train[2]
    sizes = (len(prompts(tmp_path / "a" / "train.parquet")), len(prompts(tmp_path / "a" / "heldout.parquet")))
    assert sizes == (2000, 300)


@pytest.mark.parametrize(("option", "value"), [("--train", 0), ("--heldout", -3)])
def test_a_number_of_prompts_below_1_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: int
) -> None:
    with pytest.raises(SystemExit) as stopped:
        write(tmp_path / "out", option, value)
    assert stopped.value.code == 2
    assert f"{option} is {value}; use 1 or more." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(SystemExit) as stopped:
        write(tmp_path / "out")
    assert stopped.value.code == 2
    assert "out is a file" in capsys.readouterr().err
