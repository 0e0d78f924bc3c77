"""AWPO by hand, without verl: two prompts, four rollouts each, and what GRPO and AWPO make of them.

python examples/one_batch.py
"""

import torch

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig

# Prompt a: one rollout of four made the right call. Prompt b: none did, but some thought further than others.
prompts = ["a", "a", "a", "a", "b", "b", "b", "b"]
outcome = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
reasoning = torch.tensor([1.0, 0.5, 0.0, 0.0, 0.75, 0.5, 0.25, 0.0])
scored = torch.ones(8, dtype=torch.bool)  # every rollout's reasoning was scored

grpo = AWPOConfig()
grpo.gate.kind, grpo.difficulty.kind = "none", "none"  # the outcome alone, every prompt alike

awpo = estimate(outcome, reasoning, scored, prompts, AWPOConfig())
plain = estimate(outcome, reasoning, scored, prompts, grpo)

print("prompt  outcome  reasoning    gate    GRPO    AWPO")
for i, prompt in enumerate(prompts):
    row = (outcome[i], reasoning[i], awpo.gate[i], plain.advantages[i], awpo.advantages[i])
    print(f"{prompt:6}" + "".join(f"{float(x):9.2f}" for x in row))
print(f"clip scale of this batch: {float(awpo.clip_scale[0]):.3f}")
print("Prompt b is a dead group for GRPO: all zeros. AWPO's gate opens and reasoning orders its rollouts.")
