"""Write the rows of a data set whose tools have a state: the ground truth, and what the rollout's tools start from.

Both are JSON text, because parquet would pad objects with different keys. The rollout's own environment is made from
`extra_info.tools_kwargs`, which verl hands to its tools; expected_trajectory.py describes the ground truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from awpo_verl.rewards.json_values import to_plain
from awpo_verl.rewards.outcome.execution.environment import Environment, path_of
from awpo_verl.rewards.outcome.expected_trajectory import TrajectoryError

TOOLS_KWARGS_KEY = "__environment__"  # of extra_info.tools_kwargs; no tool's name starts with an underscore


def ground_truth_text(
    environment: type[Environment],
    initial: Mapping[str, Any],
    trajectory: Sequence[Sequence[Mapping[str, Any]]],
    results: Any = "auto",
) -> str:
    """The ground truth of a row, for reward_model.ground_truth.

    Raises:
        ValueError: nothing can import the environment. TypeError: not JSON.
    """
    truth = {"environment": path_of(environment), "initial": dict(initial), "trajectory": trajectory}
    return json.dumps(truth if results == "auto" else {**truth, "results": results}, allow_nan=False)


def tools_kwargs(environment: type[Environment], initial: Mapping[str, Any]) -> dict[str, str]:
    """The row's extra_info.tools_kwargs, from which the rollout's environment is made."""
    return {TOOLS_KWARGS_KEY: json.dumps({"environment": path_of(environment), "initial": dict(initial)})}


def require_environment(extra_info: Mapping[str, Any]) -> None:
    """Raise TrajectoryError if the row gave its rollout no environment. verl says so to the model only."""
    given = to_plain(extra_info.get("tools_kwargs"))
    if not isinstance(given, dict) or not isinstance(given.get(TOOLS_KWARGS_KEY), str):
        raise TrajectoryError(
            f"The ground truth has a trajectory, but extra_info.tools_kwargs has no {TOOLS_KWARGS_KEY!r}, so the "
            f"rollout had no environment; it is {str(given)[:200]}. Write it with execution.tools_kwargs."
        )
