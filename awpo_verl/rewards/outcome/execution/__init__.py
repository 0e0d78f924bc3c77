"""Tools with a state: the calls are run in an environment, and what they did is compared with the reference's.

environment.py says what the tools are, session.py and bounded_run.py run a rollout's calls, trajectory.py compares,
and rows.py reads the rows of a dataset. Importing it needs transformers, so the rest of the outcome does not.
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
from awpo_verl.rewards.outcome.execution.rows import (
    LOG_KEY,
    TOOLS_KWARGS_KEY,
    ground_truth_text,
    match_response,
    match_rollout,
    tools_kwargs,
)
from awpo_verl.rewards.outcome.execution.session import Limits, Observation, Session, SessionError
from awpo_verl.rewards.outcome.execution.trajectory import (
    Executor,
    Reference,
    TrajectoryError,
    TrajectoryMatch,
    compare,
    run_reference,
)

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
