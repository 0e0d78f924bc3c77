"""A gate of your own, tried on one batch beside the default: how much of the spread is the reasoning's alone?

python examples/gate_kind.py

A gate takes the groups' standard deviations and says, in [0, 1], how much of the advantage is the mix of both rewards.
The default is 1/2 where the reasoning adds nothing, this one 0. Continue with docs/extending.md.
"""

import torch

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig, GateConfig


def excess(std_out, std_mix, agreement, config):
    """w = clip(1 - std_out / std_mix, 0, 1). 1 where the outcome is silent, 0 where reasoning adds no spread to it."""
    return (1.0 - std_out / std_mix.clamp(min=1e-6)).clamp(0.0, 1.0)


if __name__ == "__main__":
    prompts = ["all fail"] * 4 + ["agree"] * 4 + ["constant"] * 4 + ["disagree"] * 4
    outcome = torch.tensor([0, 0, 0, 0] + 3 * [1, 1, 0, 0]).float()
    reasoning = torch.tensor([0.9, 0.6, 0.3, 0.0, 0.9, 0.7, 0.2, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.2, 0.7, 0.9])
    scored = torch.ones(16, dtype=torch.bool)

    default = estimate(outcome, reasoning, scored, prompts, AWPOConfig())
    own = AWPOConfig(gate=GateConfig(kind="gate_kind:excess"))
    ours = estimate(outcome, reasoning, scored, prompts, own)

    print(f"{'reasoning and outcome':>22}{'variance_ratio':>16}{'excess':>8}")
    for row in range(0, 16, 4):
        print(f"{prompts[row]:>22}{default.gate[row]:16.3f}{ours.gate[row]:8.3f}")
    print(f"{'clip scale':>22}{default.clip_scale[0]:16.3f}{ours.clip_scale[0]:8.3f}")
