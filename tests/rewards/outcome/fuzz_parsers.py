"""Coverage-guided fuzzing of all parsers: `python -m tests.rewards.outcome.fuzz_parsers -max_total_time=600 [corpus]`.

Arguments are libFuzzer's. It stops at the first text that raises, and leaves it in a file `crash-*`.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["awpo_verl.rewards.outcome"]):
    from awpo_verl.config import OutcomeConfig
    from awpo_verl.rewards.outcome import check_outcome
    from awpo_verl.rewards.outcome.formats import AUTO, FORMATS

from tests.rewards.outcome.test_hostile_text import TARGET


def one_input(data: bytes) -> None:
    """The first byte picks the format, the rest is the text."""
    if not data:
        return
    names = [AUTO, *FORMATS]
    config = OutcomeConfig(format=names[data[0] % len(names)], strings="normalized")
    outcome_check = check_outcome(data[1:].decode("utf-8", "replace"), TARGET, config)
    if not 0.0 <= outcome_check.graded <= 1.0:
        raise AssertionError(f"graded {outcome_check.graded}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
