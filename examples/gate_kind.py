"""A gate of your own, beside the default on one batch.

python examples/gate_kind.py

A gate reads the spread of both rewards in each group. It returns w in [0, 1], the share of the advantage that comes
from outcome plus reasoning. The default is 1/2 where the reasoning adds no spread; this one is 0 there. Continue with
docs/extending.md.
"""

import torch

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig, GateConfig


def excess(spread, config):
    """w = clip(1 - std_out / std_mix, 0, 1): 1 where the outcome is constant, 0 where the reasoning adds no spread."""
    return (1.0 - spread.std_out / spread.std_mix.clamp(min=1e-6)).clamp(0.0, 1.0)


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
