"""The reward manager on single rollouts, with a real tokenizer: what its tests share."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.utils.reward_score import default_compute_score

from awpo_verl.config.rewards import RUBRIC_PARTS
from awpo_verl.rewards.manager import AWPORewardManager

KEYS = {"acc", "outcome", "reasoning", "reasoning_valid", "reasoning_nonfinite", "format_ok", "n_calls"} | {
    *("checked", "exact", "graded", "name_score", "key_score", "value_score", "schema_ok", "refused", "needless"),
    *("verl_rule", "state_ok", "results_ok", "rubric", *(f"rubric_{name}" for name in RUBRIC_PARTS)),
}


RIGHT = '<think>\n2*3=6\n</think>\n\n<tool_call>\n{"name": "pay", "arguments": {"amount": 6}}\n</tool_call>'


TRUTH = json.dumps({"tool_calls": [{"name": "pay", "arguments": {"amount": 6}}]})


def manager(tokenizer: Any, function: Any = None, **awpo: Any) -> AWPORewardManager:
    config = OmegaConf.create(
        {
            "algorithm": {"awpo": awpo},
            "reward": {"custom_reward_function": {"path": "rewards.py" if function else None}},
        }
    )
    return AWPORewardManager(config, tokenizer, function or default_compute_score)


def score(
    m: AWPORewardManager, text: str, ground_truth: Any = TRUTH, prompt: str = "", **row: Any
) -> tuple[float, dict[str, float]]:
    response = m.tokenizer(text)["input_ids"]
    prompt_ids = [1, 2, 3, *m.tokenizer(prompt)["input_ids"]]
    batch = {
        "prompts": torch.tensor([prompt_ids]),
        "responses": torch.tensor([response]),
        "input_ids": torch.tensor([prompt_ids + response]),
        "attention_mask": torch.ones(1, len(prompt_ids) + len(response), dtype=torch.int64),
    }
    columns = {"data_source": "shop", "reward_model": {"ground_truth": ground_truth}, "extra_info": {}} | row
    arrays = {key: np.array([value], dtype=object) for key, value in columns.items()}
    result = m.loop.run_until_complete(m.run_single(DataProto(TensorDict(batch, batch_size=1), arrays)))
    return result["reward_score"], result["reward_extra_info"]
