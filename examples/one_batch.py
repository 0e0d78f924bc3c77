"""One batch through AWPO by hand, without verl: groups, gate, difficulty, advantage, clip scale, and a picture.

python examples/one_batch.py [picture.png]

Plain Python computes every number. At the end they are compared with awpo_verl.algorithm.estimate. The cells (# %%)
run one by one in VS Code or Jupyter. Continue with examples/plain_pytorch.py, which trains, and docs/method.md.
"""

import sys
from pathlib import Path
from statistics import mean, stdev

import torch
from matplotlib.figure import Figure

from awpo_verl.algorithm import estimate
from awpo_verl.config import AWPOConfig

# %% The batch: prompt -> outcomes o and reasoning rewards q of its four rollouts. None: the scorer did not answer.
batch = {
    "all fail": ([0, 0, 0, 0], [0.9, 0.6, 0.1, None]),
    "one succeeds": ([1, 0, 0, 0], [0.9, 0.8, 0.2, 0.1]),
    "half succeed": ([1, 1, 0, 0], [0.2, 0.4, 0.9, 0.7]),  # the scorer prefers those that failed
    "all succeed": ([1, 1, 1, 1], [0.9, 0.9, 0.9, 0.1]),
}


def numbers(values):
    return " ".join(f"{value:6.2f}" for value in values)


# %% Groups: a missing q becomes the mean of its group. Then both rewards are compared within the group.
# m = o + reasoning_weight * q (weight 1). The standard deviation is the sample's, divided by n - 1.
group = {}
for prompt, (o, scores) in batch.items():
    known = mean(q for q in scores if q is not None)
    m = [a + (known if q is None else q) for a, q in zip(o, scores, strict=True)]
    group[prompt] = {"o": o, "m": m, "std_o": stdev(o), "std_m": stdev(m)}
    print(f"{prompt:>12}  m {numbers(m)}  std_o {stdev(o):.3f}  std_m {stdev(m):.3f}")

# %% Gate: the share that m gets in the advantage. GRPO has std_o alone, and learns nothing where it is 0.
for prompt, g in group.items():
    g["gate"] = g["std_m"] / (g["std_o"] + g["std_m"] + 1e-6)
    print(f"{prompt:>12}  gate {g['gate']:.3f}")

# %% Difficulty: most weight where half of a group succeeds, and d_min at both ends, so that such groups still teach.
d_min, d_max = 0.1, 1.5
for prompt, g in group.items():
    success = mean(g["o"])
    g["difficulty"] = d_min + (d_max - d_min) * 4 * success * (1 - success)
    print(f"{prompt:>12}  success {success:.2f}  weight {g['difficulty']:.3f}")

# %% Advantage: GRPO's advantage of o and of m, mixed by the gate, times the weight.
# Where o is constant, m is divided by at least reasoning_std_floor = 0.05, so that a scorer's noise stays small.
for prompt, g in group.items():
    unit = max(g["std_m"], 0.05) if g["std_o"] == 0 else g["std_m"]
    grpo = [(o - mean(g["o"])) / (g["std_o"] + 1e-6) for o in g["o"]]
    mixed = [(m - mean(g["m"])) / (unit + 1e-6) for m in g["m"]]
    w, d = g["gate"], g["difficulty"]
    g["advantages"] = [d * ((1 - w) * a + w * b) for a, b in zip(grpo, mixed, strict=True)]
    print(f"{prompt:>12}  GRPO {numbers(grpo)}   AWPO {numbers(g['advantages'])}")

# %% Clip scale: one number for the batch. The more say reasoning has, the smaller the step. clip.shrink = 0.2.
scale = 1 / (1 + 0.2 * mean(g["gate"] for g in group.values()))
print(f"{'the batch':>12}  clip scale {scale:.3f}: clip_ratio 0.2 becomes {0.2 * scale:.3f}")

# %% The same by the package.
prompts = [prompt for prompt in batch for _ in range(4)]
outcome = torch.tensor([o for outcomes, _ in batch.values() for o in outcomes]).float()
given = [q for _, qs in batch.values() for q in qs]
scored = torch.tensor([q is not None for q in given])
reasoning = torch.tensor([0.0 if q is None else q for q in given], dtype=torch.float64)
awpo = estimate(outcome, reasoning, scored, prompts, AWPOConfig())

by_hand = [a for g in group.values() for a in g["advantages"]]
difference = max(abs(a - b) for a, b in zip(by_hand, awpo.advantages.tolist(), strict=True))
assert difference < 1e-9
assert max(abs(group[p]["gate"] - w) for p, w in zip(prompts, awpo.gate.tolist(), strict=True)) < 1e-9
assert abs(mean(g["difficulty"] for g in group.values()) - awpo.metrics["awpo/difficulty/mean"]) < 1e-9
assert abs(scale - awpo.clip_scale[0].item()) < 1e-9
print(f"by hand and by estimate(): the advantages of {len(by_hand)} rollouts differ by at most {difference:.0e}")

# %% The picture: the curves of gate and difficulty weight, with the groups of the batch.
picture = Path(next((word for word in sys.argv[1:] if word.endswith(".png")), "outputs/walkthrough.png"))
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
ratio = [i / 50 for i in range(126)]
left.plot(ratio, [1 / (1 + r) for r in ratio], color="tab:blue")
left.set(title="Gate: who decides", xlabel="std_o / std_m in the group", ylabel="w, share of the mixed advantage")
left.set(ylim=(0, 1.08))
success = [i / 100 for i in range(101)]
right.plot(success, [d_min + (d_max - d_min) * 4 * s * (1 - s) for s in success], color="tab:blue")
right.set(title="Difficulty: how much the group counts", xlabel="success rate of the group", ylabel="weight d")
right.set(xlim=(-0.05, 1.3), ylim=(0, 1.65), xticks=[0, 0.25, 0.5, 0.75, 1])
gates = {prompt: (g["std_o"] / g["std_m"], round(g["gate"], 3)) for prompt, g in group.items()}
weights = {prompt: (mean(g["o"]), g["difficulty"]) for prompt, g in group.items()}
for axes, points in ((left, gates), (right, weights)):
    for point in set(points.values()):
        names = ", ".join(prompt for prompt in points if points[prompt] == point)
        axes.plot(*point, "o", color="tab:orange")
        axes.annotate(names, point, (8, 6), textcoords="offset points")
picture.parent.mkdir(parents=True, exist_ok=True)
figure.savefig(picture, dpi=120)
print(f"picture: {picture}")
