"""A reasoning scorer of your own, with the package's check of the calls: does the thinking name what matters?

Show it: python examples/reasoning_scorer.py
Train with it: reward.custom_reward_function.path=examples/reasoning_scorer.py

Each row has facts that decide its task, and distractors (extra_info.facts, extra_info.distractors). The score is the
share of the facts that the thinking names, less the share of the distractors, so naming everything earns nothing. A
row without facts cannot be scored: it returns None, a missing reward, which becomes the mean of its group. A rollout
without thinking scores 0. Continue with docs/rewards.md.
"""

from awpo_verl.rewards.outcome import check_outcome, read_target

LONGEST = 20_000  # characters of thinking that are read


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    """ground_truth: the expected calls, as without a function: {"tool_calls": [...]} as JSON text (docs/rewards.md)."""
    outcome_check = check_outcome(solution_str, read_target(ground_truth))
    if not outcome_check.checked:
        raise ValueError(f'ground_truth must be {{"tool_calls": [...]}} as JSON text, got {ground_truth!r}.')
    return {"outcome": outcome_check.exact, "reasoning": weighs(outcome_check.response.thinking, extra_info or {})}


def weighs(thinking, row):
    """In [0, 1]; None if the row has no facts. thinking: the text, or None if it is missing or was never closed."""
    facts, distractors = list(row.get("facts") or ()), list(row.get("distractors") or ())
    if not facts:
        return None
    text = (thinking or "")[:LONGEST].lower()
    share = [sum(fact.lower() in text for fact in kind) / max(len(kind), 1) for kind in (facts, distractors)]
    return max(share[0] - share[1], 0.0)


if __name__ == "__main__":
    call = '<tool_call>\n{"name": "refund", "arguments": {"order": 7}}\n</tool_call>'
    expected = '{"tool_calls": [{"name": "refund", "arguments": {"order": 7}}]}'
    row = {"facts": ["unopened", "12 days"], "distractors": ["gift card", "blue"]}
    for thinking in ("Unopened, and 12 days is in time.", "12 days.", "Unopened blue gift card, 12 days.", "Hm."):
        print(f"{thinking:35}", compute_score("shop", f"<think>\n{thinking}\n</think>\n\n{call}", expected, row))
    print(f"{'(a row without facts)':35}", compute_score("shop", f"<think>\nHm.\n</think>\n\n{call}", expected))
