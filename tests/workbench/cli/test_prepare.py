"""verl's own data set class reads the rows; prompts are counted with a tokenizer; the command."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, replace

import pandas as pd
import pytest
from typer.testing import CliRunner

from awpo_verl.rewards.row import read_row
from awpo_verl.workbench.cli import app
from awpo_verl.workbench.cli.prepare import prepare
from awpo_verl.workbench.data.options import PrepareOptions
from awpo_verl.workbench.data.preparation import TOO_LONG
from tests.workbench.data.rows import ALL, call, drops, plain, run, toolace, write, written, xlam


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """A tokenizer's folder."""
    pytest.importorskip("torch")
    from examples.demo.tiny_model import ModelSettings, make_tokenizer

    texts = ["user assistant system <tool_call> tools function name arguments Question number"]
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(ModelSettings(max_length=4096), texts, ["lamp"]).save_pretrained(folder)
    return folder


def test_verls_dataset_loads_the_rows(tmp_path, tokenizer):
    from omegaconf import OmegaConf
    from transformers import AutoTokenizer
    from verl.utils.dataset.rl_dataset import RLHFDataset

    rows = [plain("With steps", call("f", a=1), reasoning_steps=["1+1=2"]), plain("Without", call("f", a=2))]
    run("jsonl", rows, tmp_path)
    config = OmegaConf.create({"max_prompt_length": 4096, "cache_dir": str(tmp_path / "cache")})
    loaded = RLHFDataset(
        data_files=[str(tmp_path / "out" / "train.parquet")],
        tokenizer=AutoTokenizer.from_pretrained(tokenizer),
        config=config,
    )
    assert len(loaded) == 2
    for index, (expected, steps) in enumerate(zip(written(tmp_path / "out"), (["1+1=2"], None), strict=True)):
        row = loaded[index]
        assert row["raw_prompt"] == expected["prompt"]
        assert row["index"] == index
        assert row["reward_model"] == expected["reward_model"]
        assert row["data_source"] == "jsonl"
        assert read_row(None, extra_info=row["extra_info"]).expected_steps == tuple(steps or ())


def test_prompts_over_so_many_tokens_are_dropped(tmp_path, tokenizer):
    rows = [plain("Short", call("f", a=1)), plain("Long " * 50, call("f", a=2))]
    options = replace(ALL, tokenizer=str(tokenizer))
    report, _ = run("jsonl", rows, tmp_path, options)
    short, long = report.lengths
    assert (report.unit, long > short) == ("tokens", True)
    _, kept = run("jsonl", rows, tmp_path, replace(options, max_prompt_tokens=long - 1))
    assert [row["prompt"][1]["content"] for row in kept] == ["Short"]
    assert drops(tmp_path / "out") == [("source.jsonl:2", TOO_LONG, f"{long} tokens")]
    assert len(run("jsonl", rows, tmp_path, replace(options, max_prompt_tokens=long))[1]) == 2


def command(*arguments):
    return CliRunner().invoke(app, ["prepare", *map(str, arguments)], env={"COLUMNS": "160"})


def test_the_command_writes_the_files_and_prints_what_became_of_the_rows(tmp_path):
    chats = [toolace(("user", f"Time {n}?"), ("assistant", "[getTime()]")) for n in range(20)]
    broken = toolace(("bot", "Hello."))
    source = write(tmp_path / "toolace.jsonl", [*chats, broken, chats[0]])
    result = command("toolace", source, "--out", tmp_path / "out", "--heldout", 0.2, "--seed", 3)
    assert result.exit_code == 0, result.output
    assert "Kept: 20 of 21 samples in 22 rows" in result.output
    rows = written(tmp_path / "out")
    heldout = sum(row["extra_info"]["split"] == "heldout" for row in rows)
    line = next(line for line in result.output.splitlines() if line.startswith("│ heldout"))
    assert [cell.strip() for cell in line.strip("│").split("│")] == ["heldout", str(heldout), "0", "0", str(heldout)]
    told = " ".join(result.output.replace("│", " ").split())  # a narrow terminal wraps
    assert "conversations[0].from is 'bot'; expected user, assistant or tool" in told
    assert "of toolace.jsonl:1#1" in told  # the duplicate
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["options"]["seed"], report["options"]["set"], report["kept"]) == (3, "toolace", 20)


def test_every_option_of_the_command_reaches_the_run(tmp_path, tokenizer):
    source = write(tmp_path / "source.jsonl", [plain(f"Q {n}", call("f", a=n)) for n in range(9)])
    evaluations = [write(tmp_path / f"{n}.jsonl", [{"question": f"E {n}"}]) for n in (1, 2)]
    given = {
        "prompt": "source",
        "turns": "last",
        "no_call": 0.5,
        "schema_mismatch": "drop",
        "conflicts": "first",
        "mask_names": 0.0,
        "irrelevant": 0.0,
        "ngram": 5,
        "heldout": 0.3,
        "limit": 7,
        "seed": 2,
        "tokenizer": str(tokenizer),
        "max_prompt_tokens": 999,
        "max_broken": 0.5,
    }
    flags = [part for key, value in given.items() for part in (f"--{key.replace('_', '-')}", value)]
    sets = [part for evaluation in evaluations for part in ("--eval-set", evaluation)]
    result = command("jsonl", source, "--out", tmp_path / "out", "--think", *flags, *sets)
    assert result.exit_code == 0, result.output
    options = json.loads((tmp_path / "out" / "report.json").read_text())["options"]
    told = {**given, "split": "", "think": True, "eval_set": [str(path) for path in evaluations]}
    assert options == {"set": "jsonl", "source": str(source), **told}


def test_the_commands_defaults_are_the_options():
    given = {name: parameter.default for name, parameter in inspect.signature(prepare).parameters.items()}
    options = asdict(PrepareOptions())
    assert given.pop("eval_set") is None
    assert options.pop("eval_set") == ()
    assert {name: given[name] for name in options} == options


def test_a_split_without_rows_is_named_because_verl_cannot_load_it(tmp_path):
    source = write(tmp_path / "source.jsonl", [plain(f"Q {n}", call("f", a=n)) for n in range(9)])
    told = "heldout.parquet has no rows, and verl cannot load it. --heldout is 0."
    assert told in " ".join(command("jsonl", source, "--out", tmp_path / "a", "--heldout", 0).output.split())
    assert "has no rows" not in command("jsonl", source, "--out", tmp_path / "b", "--heldout", 0.5).output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("toolace", "xlam.jsonl"), "It looks like xlam: awpo-verl prepare xlam xlam.jsonl"),
        (("xlam", "none.jsonl"), "none.jsonl: no such file or folder"),
        (("glaive", "xlam.jsonl"), "there is no set 'glaive'"),
        (("xlam", "xlam.jsonl", "--prompt", "source"), "xlam has no prompt"),
        (
            ("xlam", "xlam.jsonl", "--split", "train"),
            "--split train works for a data set on the hub; xlam.jsonl is a file",
        ),
        (("xlam", "xlam.jsonl", "--eval-set", "none.jsonl"), "none.jsonl: no such file or folder"),
    ],
)
def test_errors_leave_nothing_behind_and_exit_with_2(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "awpo_verl.workbench.data.sources.load_hub_dataset", lambda source: (_ for _ in ()).throw(OSError("offline"))
    )
    write(tmp_path / "xlam.jsonl", [xlam(f"Q {n}", [], []) for n in range(3)])
    result = command(*arguments, "--out", "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_names_that_look_like_markup_stay_as_they_are(tmp_path):
    rows = [plain(f"Q {n}", call("f", a=n), difficulty=f"x[/y]{n % 2}") for n in range(4)]
    result = command("jsonl", write(tmp_path / "source.jsonl", rows), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "x[/y]0" in result.output


def test_a_value_without_a_json_type_drops_only_its_row(tmp_path):
    rows = [plain(f"Q {n}", call("f", a=n)) for n in range(3)]
    calls = [[call("f", a=n, b=None)] for n in (1, 2)] + [[call("f", a=3, b=pd.Timestamp("2026-01-02"))]]
    pd.DataFrame([row | {"tool_calls": given} for row, given in zip(rows, calls, strict=True)]).to_parquet(
        tmp_path / "source.parquet"
    )
    result = command("jsonl", tmp_path / "source.parquet", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "a value that JSON does not have" in " ".join(result.output.split())
