"""The known ranges are those of verl's own rules."""

from __future__ import annotations

import pytest
from verl.utils.reward_score import default_compute_score

from awpo_verl.integration.verl_outcome_ranges import find_rule_range

RIGHT = {
    "openai/gsm8k": ("#### 42", "42"),
    "lighteval/MATH": (r"\boxed{42}", "42"),
    "DigitalLearningGmbH/MATH-lighteval": (r"\boxed{42}", "42"),
    "HuggingFaceH4/MATH-500": (r"\boxed{42}", "42"),
    "math_dapo": ("Answer: 42", "42"),
    "math": ("Answer: 42", "42"),
    "math_dapo_reasoning": ("Answer: 42", "42"),
    "aime_2025": ("Answer: 42", "42"),
    "searchR1_nq": ("<answer>Rome</answer>", {"target": ["Rome"]}),
    "searchR1_musique": ("<answer>Rome</answer>", {"target": ["Rome"]}),
}


@pytest.mark.parametrize("source", RIGHT)
def test_a_known_range_is_what_verls_rule_returns_for_wrong_and_right(source: str) -> None:
    right, truth = RIGHT[source]

    def score(text: str) -> float:
        result = default_compute_score(source, text, truth)
        return result["score"] if isinstance(result, dict) else result

    assert (score("no answer"), score(right)) == find_rule_range(source)


def test_every_source_of_verls_rules_has_a_known_range_and_no_other_has() -> None:
    import ast
    import inspect

    source = ast.parse(inspect.getsource(default_compute_score))
    tests = [node.test for node in ast.walk(source) if isinstance(node, ast.If)]
    named = {
        node.value
        for test in tests
        for node in ast.walk(test)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert len(named) > 20
    assert {source for source in named if find_rule_range(source) is None} == set()
    assert find_rule_range("my/own") is None
