"""Expected steps: where a row states them, the thinking is held against them and nothing else.

`extra_info["reasoning_steps"]`, e.g. ["6*17=102", "102+9=111"]. The score is the share of them that the thinking
writes, in order, each on a line of its own (or between `;`). Steps are compared without white space.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_STEPS = 256  # steps that are looked at, of the row's and of the thinking's


def share_of_steps(thinking: str, expected_steps: Sequence[str]) -> float | None:
    """Length of the longest common subsequence over the number of expected steps; None where there are none."""
    expected = _steps("\n".join(expected_steps))
    if not expected:
        return None
    written = _steps(thinking)
    best = [0] * (len(written) + 1)
    for step in expected:
        diagonal = 0
        for j, other in enumerate(written, 1):
            diagonal, best[j] = best[j], diagonal + 1 if step == other else max(best[j], best[j - 1])
    return best[-1] / len(expected)


def _steps(text: str) -> list[str]:
    steps = ("".join(step.split()) for step in text.replace("\n", ";").split(";"))
    return [step for step in steps if step][:MAX_STEPS]
