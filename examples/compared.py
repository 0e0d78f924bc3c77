"""The advantages of the same rollouts by GRPO and by AWPO. Continue with docs/method.md."""

import torch

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig

prompts = ["all fail"] * 4 + ["one succeeds"] * 4 + ["all succeed"] * 4
outcome = torch.tensor([0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]).float()
reasoning = torch.tensor([0.1, 0.2, 0.6, 0.9, 0.9, 0.8, 0.2, 0.1, 0.9, 0.9, 0.2, 0.9])

scored = torch.ones(12, dtype=torch.bool)  # False where the scorer failed: the reward is missing, not 0
awpo = estimate(outcome, reasoning, scored, prompts, AWPOConfig())

for start in (0, 4, 8):
    rows = slice(start, start + 4)
    grpo = (outcome[rows] - outcome[rows].mean()) / (outcome[rows].std() + 1e-6)
    both = [", ".join(f"{a:.2f}" for a in advantages.tolist()) for advantages in (grpo, awpo.advantages[rows])]
    print(f"{prompts[start]:>12}  GRPO [{both[0]}]  AWPO [{both[1]}]")
print(f"clip scale {awpo.clip_scale[0]:.2f}")
