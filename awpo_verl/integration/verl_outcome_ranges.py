"""The outcome range of each of verl's own rules (verl 0.9.1, utils/reward_score, default_compute_score)."""

from __future__ import annotations

from awpo_verl.algorithm.ranges import UNIT, Range

# math_dapo.compute_score gives -1 or 1. default_compute_score also uses it for each source that starts with "aime".
_SIGNED = frozenset(["math_dapo", "math", "math_dapo_reasoning"])
_SIGNED_PREFIX = "aime"
_UNIT = frozenset(
    [
        "openai/gsm8k",
        *("lighteval/MATH", "DigitalLearningGmbH/MATH-lighteval", "HuggingFaceH4/MATH-500"),
        *("numina_aops_forum", "numina_synthetic_math", "numina_amc_aime", "numina_synthetic_amc"),
        *("numina_cn_k12", "numina_olympiads"),
        *("codecontests", "apps", "codeforces", "taco"),  # the share of the tests that pass
        "hiyouga/geometry3k",  # 0.9 for the answer, 0.1 for the form
        *("searchR1_nq", "searchR1_triviaqa", "searchR1_popqa", "searchR1_hotpotqa"),
        *("searchR1_2wikimultihopqa", "searchR1_musique", "searchR1_bamboogle"),
    ]
)


def find_rule_range(data_source: str) -> Range | None:
    """The lowest and the highest outcome of verl's rule for a data source; None if verl has no rule for it."""
    if data_source in _SIGNED or data_source.startswith(_SIGNED_PREFIX):
        return -1.0, 1.0
    return UNIT if data_source in _UNIT else None
