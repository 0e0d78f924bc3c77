"""A reward function of your own that returns outcome and reasoning. GRPO trains on the outcome, AWPO on both.

Show it: python examples/reward_function.py
Train with it: reward.custom_reward_function.path=examples/reward_function.py

It is the shortest one that shows the form. A policy would learn to write lines with "=": docs/rewards.md has better
rewards. Continue with examples/outcome_checker.py and examples/reasoning_scorer.py.
"""


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    """verl calls this once for each rollout.

    Returns:
        score: the name under which verl reads the outcome.
        outcome: in [0, 1].
        reasoning: how good the thinking is, in [0, 1]; None if it cannot be scored (a missing reward, not a 0).
    """
    thinking, closed, answer = solution_str.partition("</think>")
    outcome = float(bool(closed) and answer.strip() == str(ground_truth))
    steps = {line.strip() for line in thinking.splitlines() if "=" in line}
    reasoning = min(len(steps), 3) / 3 if closed else 0.0
    if not str(ground_truth).isdigit():  # not a sum, so there are no steps to count
        reasoning = None
    return {"score": outcome, "outcome": outcome, "reasoning": reasoning}


if __name__ == "__main__":
    for response, truth in (
        ("2*3=6\n6+1=7\n</think>\n\n7", 7),
        ("I guess.\n</think>\n\n7", 7),
        ("2*3=6\n6+1=7\n</think>\n\n17", 7),
        ("It is in the north.\n</think>\n\nOslo", "Oslo"),
    ):
        print(f"{response!r:45}", compute_score("shop", response, truth))
