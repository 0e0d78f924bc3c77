"""AWPO and GRPO in plain PyTorch: a toy softmax policy, trained with awpo_verl.algorithm alone.

python examples/plain_pytorch.py

`estimate` gives advantages and clip scale, `clipped_surrogate` the loss. There is no verl, no transformers and no Ray.

There are three prompts. A reply is four choices out of five, like a tool and its arguments. Its outcome is 1 if all
four are right. The reasoning scorer sees how many are right. On the hard prompt hardly any group has a right reply, so
GRPO has nothing to compare (one lucky reply can save it: of the seeds 0 to 5, seed 5). The last two lines show the
risk: a scorer that prefers wrong choices misleads AWPO, but not GRPO. gate.kind=agreement is a guard.

Continue with docs/method.md, and with verl, where AWPO is one key: README.md.
"""

import torch

from awpo_verl.algorithm import clipped_surrogate, estimate
from awpo_verl.config import AWPOConfig

PROMPTS = {"easy": 2.0, "medium": 1.0, "hard": -1.0}  # logit of each right choice at the start; the wrong ones have 0
CHOICES, TOKENS, ROLLOUTS, STEPS, UPDATES = 5, 4, 8, 200, 2


def first_policy():
    """Logits [P prompts, T tokens, V choices]; choice 0 is always the right one."""
    logits = torch.zeros(len(PROMPTS), TOKENS, CHOICES)
    logits[:, :, 0] = torch.tensor(list(PROMPTS.values()))[:, None]
    return logits.requires_grad_()


def success(logits):
    """The probability of a right reply, by prompt."""
    return logits.softmax(-1)[:, :, 0].prod(-1).tolist()


def train(config, score=lambda share: share):
    """Train a fresh policy. score: from the share of right choices to the reasoning reward. Returns `success`."""
    torch.manual_seed(0)
    logits = first_policy()
    optimizer = torch.optim.Adam([logits], lr=0.05)
    prompt = torch.arange(len(PROMPTS)).repeat_interleave(ROLLOUTS)  # [B]: the group of each rollout
    scored = torch.ones(len(prompt), dtype=torch.bool)
    for _ in range(STEPS):
        old = logits.detach().log_softmax(-1)[prompt]  # [B, T, V]
        reply = torch.distributions.Categorical(logits=old).sample()  # [B, T]
        share = (reply == 0).float().mean(-1)  # [B]
        reasoning = (score(share) + 0.1 * torch.randn(len(prompt))).clamp(0, 1)  # scorers are noisy
        batch = estimate((share == 1).float(), reasoning, scored, prompt.numpy(), config)
        advantages = batch.advantages[:, None].expand(-1, TOKENS)  # [B, T]
        for _ in range(UPDATES):
            change = logits.log_softmax(-1)[prompt] - old
            ratio = change.gather(-1, reply[..., None])[..., 0].exp()  # [B, T]
            losses, *_ = clipped_surrogate(ratio, advantages, batch.clip_scale, 0.2, 0.2, 3.0)
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
    return success(logits)


torch.set_num_threads(1)  # the tensors are tiny
grpo = AWPOConfig()
grpo.gate.kind, grpo.difficulty.kind = "none", "none"  # the outcome alone and equal weights: GRPO
guarded = AWPOConfig()
guarded.gate.kind = "agreement"

print(f"{'success on':>23}" + "".join(f"{name:>8}" for name in PROMPTS))
for name, rates in {
    "before": success(first_policy()),
    "GRPO": train(grpo),
    "AWPO": train(AWPOConfig()),
    "AWPO, misleading scorer": train(AWPOConfig(), score=lambda share: 1 - share),
    "the same, guarded": train(guarded, score=lambda share: 1 - share),
}.items():
    print(f"{name:>23}" + "".join(f"{rate:8.4f}" for rate in rates))
