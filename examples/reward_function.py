"""A reward function of your own that scores outcome and reasoning. Under GRPO it works as it is; AWPO reads both.

reward.custom_reward_function.path=examples/reward_function.py
"""


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    """verl calls this once for each rollout.

    Returns:
        outcome: what GRPO would train on (verl reads it as `score`).
        reasoning: how good the thinking is, in [0, 1]; None if that could not be judged (a missing reward, not a 0).
    """
    thinking, closed, answer = solution_str.partition("</think>")
    outcome = float(bool(closed) and str(ground_truth) in answer)
    steps = [line for line in thinking.splitlines() if "=" in line]
    reasoning = min(len(set(steps)), 3) / 3 if closed else None
    return {"score": outcome, "outcome": outcome, "reasoning": reasoning}
