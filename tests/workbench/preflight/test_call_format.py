"""Before a launch: how calls will be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from awpo_verl.workbench.preflight.call_format import check_call_format


def config(tmp_path: Path, template: str | None, *, format: str = "auto", function: str | None = None) -> Any:
    return OmegaConf.create(
        {
            "algorithm": {"awpo": {"outcome": {"format": format}}},
            "reward": {"reward_manager": {"name": "awpo"}, "custom_reward_function": {"path": function}},
            "actor_rollout_ref": {
                "model": {"path": str(tmp_path), "trust_remote_code": False, "custom_chat_template": template},
                "rollout": {"multi_turn": {"enable": False, "format": "hermes"}},
            },
        }
    )


@pytest.mark.parametrize(
    ("template", "level", "words"),
    [
        ("<tool_call>{name}<arg_key>", "ok", "read as glm, from the chat template"),
        ("{{ messages }}", "ok", "names no format"),
        (
            "<|tool_call_start|>",
            "error",
            "the calls of LFM2, which are not read here. Set algorithm.awpo.outcome.format",
        ),
    ],
)
def test_the_chat_template_names_the_format(tmp_path: Path, template: str, level: str, words: str) -> None:
    (finding,) = check_call_format(config(tmp_path, template))
    assert (finding.level, words in finding.message) == (level, True), finding


def test_a_format_in_the_config_is_used(tmp_path: Path) -> None:
    (finding,) = check_call_format(config(tmp_path, "<|tool_call_start|>", format="hermes"))
    assert finding.message == "read as hermes (algorithm.awpo.outcome.format)"


def test_an_unread_format_is_a_warning_if_a_function_decides(tmp_path: Path) -> None:
    (finding,) = check_call_format(config(tmp_path, "<|tool_call_start|>", function="rewards.py"))
    assert finding.level == "warning"


def test_there_is_no_finding_without_a_tokenizer_or_our_manager(tmp_path: Path) -> None:
    given = config(tmp_path, None)
    assert check_call_format(given) == []
    given.reward.reward_manager.name = "naive"
    assert check_call_format(given) == []


def test_a_tool_loop_of_another_format_is_a_warning(tmp_path: Path) -> None:
    given = config(tmp_path, "<tool_call>{name}<arg_key>")
    given.actor_rollout_ref.rollout.multi_turn.enable = True
    _, finding = check_call_format(given)
    assert finding.level == "warning"
    assert "multi_turn.format=hermes, and the rewards read glm" in finding.message
    given.actor_rollout_ref.rollout.multi_turn.format = "glm"
    assert len(check_call_format(given)) == 1
    given = config(tmp_path, None, format="gpt_oss")
    given.actor_rollout_ref.rollout.multi_turn = {"enable": True, "format": "gpt-oss"}
    assert len(check_call_format(given)) == 1
