"""A command line of verl's, as people have it in their scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from awpo_verl.workbench.cli import app
from awpo_verl.workbench.preflight import checks
from awpo_verl.workbench.preflight.command_line import CommandLine, CommandLineError, strip_program
from awpo_verl.workbench.preflight.command_line import parse_command_line as read_arguments
from awpo_verl.workbench.preflight.compose import ComposeError, compose_config

KEYS = ["algorithm.adv_estimator=awpo", "+a.b=[1, 2]", "~c", "+a.source=/opt/main_ppo.py"]
MICRO = "actor_rollout_ref.actor.use_dynamic_bsz=True"


def read(given: list[str]) -> CommandLine:
    return read_arguments(strip_program(given))


@pytest.mark.parametrize(
    "program",
    [
        [],
        ["python", "-m", "verl.trainer.main_ppo"],
        ["python3", "-u", "-m", "verl.trainer.main_ppo"],
        ["python", "/opt/verl/verl/trainer/main_ppo.py"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "flags", [["--config-path", "/my", "--config-name", "mine.yaml"], ["--config-path=/my", "-cn", "mine"]], ids=str
)
def test_the_program_in_front_and_the_flags_among_the_keys(program: list[str], flags: list[str]) -> None:
    assert read([*program, *KEYS]) == CommandLine(KEYS, None, "ppo_trainer")
    for arguments in ([*flags, *KEYS], [*KEYS, *flags]):
        assert read([*program, *arguments]) == CommandLine(KEYS, "/my", "mine")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["VERL_PLATFORM=cpu", "python", "-m", "verl.trainer.main_ppo", "a=1"], "VERL_PLATFORM=cpu before verl"),
        (["--dry-rnu", "python", "-m", "verl.trainer.main_ppo", "a=1"], "--dry-rnu before verl.* would be lost"),
        (["python", "-m", "verl.trainer.main_eval", "a=1"], "-m: only `python -m verl.trainer.main_ppo`"),
        (["a=1", "--dry-rnu"], "unrecognized arguments: --dry-rnu. Only --config-path and --config-name"),
        (["--config-dir", "/my", "a=1"], "unrecognized arguments: --config-dir. Only --config-path and --config-name"),
        (
            ["a=1", "--config-name", "mine", "b=2"],
            "unrecognized arguments: b=2. Only --config-path and --config-name",
        ),  # Hydra's own limit
        (["--config-name"], "expected one argument. Only --config-path and --config-name"),
    ],
)
def test_arguments_that_would_be_lost_are_refused(given: list[str], said: str) -> None:
    with pytest.raises(CommandLineError, match=said):
        read(given)
    with pytest.raises(ComposeError, match=said):
        compose_config(given)


def test_your_own_config_composes_as_in_verl(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "defaults: [ppo_trainer, _self_]\nhydra: {searchpath: ['pkg://verl.trainer.config']}\n"
        "algorithm: {adv_estimator: awpo, awpo: {reasoning_weight: 0.5}}\n"
    )
    line = ["--config-path", str(tmp_path), "--config-name", "mine", MICRO, "algorithm.awpo.gate.kind=hard"]
    section = compose_config(line).config.algorithm.awpo
    assert (section.reasoning_weight, section.gate.kind) == (0.5, "hard")
    for path in ("config", "pkg://verl.trainer.config"):  # verl's own, as its main names it
        line = ["--config-path", path, MICRO, "algorithm.adv_estimator=awpo"]
        assert compose_config(line).config.algorithm.awpo.reasoning_weight == 1.0
    with pytest.raises(ComposeError, match=r"--config-path=not/there: .*not/there is not a folder"):
        compose_config(["--config-path=not/there", MICRO])
    with pytest.raises(ComposeError, match="Cannot find primary config 'yours'"):
        compose_config(["--config-path", str(tmp_path), "--config-name", "yours", MICRO])


def test_the_commands_take_a_whole_command_line_of_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = [
        "python",
        "-m",
        "verl.trainer.main_ppo",
        "--config-name",
        "ppo_trainer",
        "algorithm.adv_estimator=awpo",
        MICRO,
    ]
    told = CliRunner().invoke(app, ["doctor", "--no-ray", *line])
    assert "it composes." in told.output
    told = CliRunner().invoke(app, ["train", "--dry-run", *line])
    assert "adv_estimator: awpo" in told.output
    told = CliRunner().invoke(app, ["train", "--dry-rnu", *line])
    assert (told.exit_code, "--dry-rnu before verl.trainer.main_ppo" in told.output) == (2, True)

    started: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execv", lambda program, arguments: started.append(arguments[1:]))
    assert CliRunner().invoke(app, ["train", "--skip-checks", *line]).exit_code == 0
    assert started == [line[1:]]


def test_a_rollout_without_a_name_is_an_error(composed: Callable[..., Any]) -> None:
    config = composed()
    config.actor_rollout_ref.rollout.name = "???"
    [finding] = checks.check_packages(config, checks.Machine.here())
    assert (finding.level, finding.subject) == ("error", "packages")
    assert finding.message == "actor_rollout_ref.rollout.name is not set, and verl has no default. Use vllm."
