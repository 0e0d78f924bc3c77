"""Check `reward.custom_reward_function`: it loads, takes verl's arguments, and returns what AWPO reads.

verl loads it in its reward workers, minutes after the start, and calls it when the first rollout is finished. Here a
subprocess (reward_probe.py) does both, with the first training row and an empty response, under a deadline: a function
that hangs or crashes ends only that process.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from awpo_verl.config import SECTION
from awpo_verl.integration.keys import AWPO
from awpo_verl.integration.reward_function import RUNTIME_ENV, read_runtime_env
from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

SUBJECT = "reward"
EMPTY_STOPS = "A rollout with an empty response would stop the run: return a finite number for it."
DEADLINE = 120.0  # seconds for the imports of verl and of the user's file, and for one call


def check_reward_function(config: Any, deadline: float = DEADLINE) -> list[Finding]:
    """Check the user's reward function; [] if none is set.

    Args:
        config: verl's config, composed.
        deadline: seconds after which the subprocess is ended.
    """
    path = config.reward.custom_reward_function.path
    if not path:
        return []
    function = f"{path} ({config.reward.custom_reward_function.get('name')})"
    lines, ended = run_probe(config, deadline)
    results = {line["stage"]: line for line in lines if "stage" in line}
    began = [line["began"] for line in lines if "began" in line]
    failed = [line["error"] for line in lines if "error" in line and line["stage"] == "load"]
    if failed:
        # the function's parameters are the same everywhere; whether its file loads depends on the installed packages
        loaded = any(line.get("stage") == "load" and "error" not in line for line in lines)
        return [error(SUBJECT, failed[0]) if loaded else _unless_workers_differ(error(SUBJECT, failed[0]), config)]
    if not began and ended is not None:
        return [warning(SUBJECT, f"{function} is not checked: the process that loads it ended with exit code {ended}.")]
    if "load" not in results:
        return [_unless_workers_differ(_ended(function, "loading it", ended, deadline), config)]
    if "call" not in began:
        return [ok(SUBJECT, f"{function} loads; not called")]
    if "call" not in results:
        return [_ended(function, "scoring an empty response", ended, deadline)]
    if "error" in results["call"]:
        return [
            warning(
                SUBJECT,
                f"{function} raised an exception for the first training row with an empty response, as a rollout "
                f"may have; in a run this stops the training:\n{results['call']['error']}",
            )
        ]
    return _check_result(function, results["call"], config)


def _unless_workers_differ(finding: Finding, config: Any) -> Finding:
    """The finding; an error becomes a warning if Ray gives the workers an environment that this process lacks."""
    given = ", ".join(read_runtime_env(config))
    if finding.level != "error" or not given:
        return finding
    return warning(
        SUBJECT,
        f"{finding.message} The run goes on if {RUNTIME_ENV} ({given}) gives the workers what is missing here; this "
        "check has its env_vars only.",
    )


def _ended(function: str, doing: str, ended: int | None, deadline: float) -> Finding:
    """The finding for a process that ended itself, or that the deadline ended (`ended` is None)."""
    if ended is None:
        return warning(
            SUBJECT,
            f"{function} gave no answer in {deadline:g} s, while {doing}. A server that it asks may be slow. If the "
            "function hangs, the run hangs too.",
        )
    how = f"signal {signal.Signals(-ended).name}" if ended < 0 else f"exit code {ended}"
    return error(SUBJECT, f"{function} ended the process ({how}) while {doing}; it would end verl's reward worker.")


def _check_result(function: str, result: dict[str, Any], config: Any) -> list[Finding]:
    """AWPO's reward manager, if it is used, can read what the function returned.

    Args:
        result: reward_probe.describe_result.
    """
    if config.reward.reward_manager.name != AWPO:
        return [ok(SUBJECT, f"{function} loads, and scores an empty response")]
    if "problem" in result:
        problem = f"{function}, for an empty response: {result['problem']}"
        return [warning(SUBJECT, f"{problem} {EMPTY_STOPS}") if result["without_score"] else error(SUBJECT, problem)]
    outcome = float(result["outcome"])
    if not math.isfinite(outcome):
        problem = f"{function} returned the outcome {outcome} for an empty response; AWPO needs a finite number."
        return [warning(SUBJECT, f"{problem} {EMPTY_STOPS}")]
    key, given = result["key"], result["reasoning"]
    reasoning = None if given in (None, "None") else float(given)
    low, high = result["range"]
    if reasoning is not None and not low <= reasoning <= high:
        return [
            warning(
                SUBJECT,
                f"{function} returned {key}={reasoning:g} for an empty response, outside of {low:g} to {high:g}. Set "
                f"{SECTION}.reasoning_range to the range of your scores.",
            )
        ]
    also = f", {key} {'missing' if reasoning is None else format(reasoning, 'g')}" if given is not None else ""
    return [ok(SUBJECT, f"{function} scores an empty response: outcome {outcome:g}{also}")]


def run_probe(config: Any, deadline: float) -> tuple[list[dict[str, Any]], int | None]:
    """Run reward_probe.py, and return its lines and its exit code, None if the deadline ended it.

    The function's own output is dropped. Processes that it started are ended too.
    """
    whole: Any = OmegaConf.to_container(config, resolve=True)
    plain = {section: whole[section] for section in ("reward", "data", "algorithm")}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.jsonl")
        process = subprocess.Popen(
            [sys.executable, "-m", "awpo_verl.workbench.preflight.reward_probe", str(report)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(config),
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(plain, default=str).encode(), timeout=deadline)
            ended: int | None = process.returncode
        except subprocess.TimeoutExpired:
            ended = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    return [json.loads(line) for line in lines], ended


def _environment(config: Any) -> dict[str, str]:
    """This process's environment variables, with those that Ray sets in the workers."""
    env_vars = read_runtime_env(config).get("env_vars", {})
    return os.environ | {str(name): str(value) for name, value in env_vars.items()}
