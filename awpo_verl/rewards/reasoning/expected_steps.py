"""Expected steps: where a row states them, the thinking is held against them and nothing else.

`extra_info["reasoning_steps"]`, e.g. ["6*17=102", "102+9=111"]. The score is the share of them that the thinking
writes, in order, each on a line of its own (or between `;`). Steps are compared without white space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_STEPS = 256  # steps that are looked at, of the row's and of the thinking's


def stated_steps(extra_info: Any) -> list[str] | None:
    """The expected steps that a row states; None where it states none.

    Args:
        extra_info: the row's, or None.

    Raises:
        TypeError: extra_info is no mapping, or its reasoning_steps are no list (or array) of strings; shows them.
    """
    if extra_info is not None and not isinstance(extra_info, Mapping):
        raise TypeError(f"extra_info must be an object, got {str(extra_info)[:200]!r}.")
    steps: Any = (extra_info or {}).get("reasoning_steps")
    if hasattr(steps, "tolist"):
        steps = steps.tolist()
    if steps is not None and not (isinstance(steps, list) and all(isinstance(step, str) for step in steps)):
        raise TypeError(f"extra_info['reasoning_steps'] must be a list of strings, got {str(steps)[:200]!r}.")
    return steps


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
