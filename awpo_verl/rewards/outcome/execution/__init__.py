"""Tools with a state: the calls are run in an environment, and what they did is compared with the reference's.

environment.py says what the tools are, session.py and bounded_run.py run a rollout's calls, trajectory.py compares what
they did, replay.py runs a rollout's log again, and rows.py writes the rows of a data set. Importing this package needs
transformers; importing the rest of the outcome does not.
"""

from awpo_verl.rewards.outcome.execution.environment import (
    Environment,
    EnvironmentTool,
    name_of,
    path_of,
    resolve,
    tool_schemas,
    tools_of,
)
from awpo_verl.rewards.outcome.execution.replay import LOG_KEY, match_response, match_rollout
from awpo_verl.rewards.outcome.execution.rows import TOOLS_KWARGS_KEY, ground_truth_text, tools_kwargs
from awpo_verl.rewards.outcome.execution.session import Limits, Observation, Session, SessionError
from awpo_verl.rewards.outcome.execution.trajectory import (
    Executor,
    Reference,
    TrajectoryMatch,
    compare,
    run_reference,
)
from awpo_verl.rewards.outcome.expected_trajectory import TrajectoryError

__all__ = [
    "LOG_KEY",
    "TOOLS_KWARGS_KEY",
    "Environment",
    "EnvironmentTool",
    "Executor",
    "Limits",
    "Observation",
    "Reference",
    "Session",
    "SessionError",
    "TrajectoryError",
    "TrajectoryMatch",
    "compare",
    "ground_truth_text",
    "match_response",
    "match_rollout",
    "name_of",
    "path_of",
    "resolve",
    "run_reference",
    "tool_schemas",
    "tools_kwargs",
    "tools_of",
]
