"""Load the user's reward function and call it once, in a process of its own: it may hang, crash or print anything.

    python -m awpo_verl.workbench.preflight.reward_probe REPORT < config.json

Reads verl's config as JSON from standard input. Writes one JSON object per line to the file REPORT: the name of each
stage when it begins, then its result. So reward_function.py, which reads the file, knows the stage of a crash or hang.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOAD, CALL = "load", "call"
RESPONSE = ""  # the response that the function scores
ROUTER = "reward_router_address"  # verl passes it if it serves a reward model


def main() -> int:
    """Run both stages, up to the first that fails."""
    from omegaconf import OmegaConf

    from awpo_verl.integration.reward_function import describe_error, load_function

    report = Path(sys.argv[1])
    config: Any = OmegaConf.create(json.load(sys.stdin))

    def write(**line: Any) -> None:
        with report.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    write(began=LOAD)
    try:
        function = load_function(config)
    except Exception as error:  # noqa: BLE001  # whatever the user's file raises is the result
        write(stage=LOAD, error=describe_error(error, config))
        return 0
    write(stage=LOAD)
    row = read_first_row(config)
    if row is None:
        return 0
    mismatch = find_refused_arguments(function, row)
    if mismatch:
        write(stage=LOAD, error=mismatch)
    if mismatch or ROUTER in row:  # the reward model that it asks does not run yet
        return 0
    write(began=CALL)
    try:
        result = _call(function, row)
    except Exception as error:  # noqa: BLE001  # as above
        write(stage=CALL, error=format_last_lines(error))
        return 0
    write(stage=CALL, **describe_result(result, config.algorithm.get("awpo")))
    return 0


def read_first_row(config: Any) -> dict[str, Any] | None:
    """The function's arguments for the first training row, as verl's own reward managers pass them.

    None for the user's own reward manager, or if the data are not a local parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = config.data.get("train_files")
    path = Path(os.path.expanduser(files if isinstance(files, str) else next(iter(files or []), "")))
    if config.reward.reward_manager.get("source", "register") != "register":
        return None
    if path.suffix != ".parquet" or not path.is_file() or (config.data.get("custom_cls") or {}).get("path"):
        return None
    try:
        batch = next(pq.ParquetFile(path).iter_batches(1), None)
    except (OSError, pa.ArrowException):
        return None  # check_data reports it
    row = batch.to_pylist()[0] if batch is not None and batch.num_rows else {}
    if "reward_model" not in row or config.data.reward_fn_key not in row:
        return None  # check_data reports it
    extra_info = dict(row.get("extra_info") or {}) | {"num_turns": 2, "rollout_reward_scores": {}}
    return {
        "data_source": row[config.data.reward_fn_key],
        "solution_str": RESPONSE,
        "ground_truth": (row["reward_model"] or {}).get("ground_truth"),
        "extra_info": extra_info,
        **({ROUTER: None, "reward_model_tokenizer": None} if config.reward.reward_model.get("enable") else {}),
    }


def find_refused_arguments(function: Callable[..., Any], row: dict[str, Any]) -> str:
    """A message if the function does not take verl's arguments, else "". function: as verl binds it."""
    user_function, reward_kwargs = function.args  # type: ignore[attr-defined]  # verl's partial
    try:
        inspect.signature(user_function).bind(**(row | reward_kwargs))
    except TypeError as error:
        given = ", ".join([*row, *reward_kwargs])
        name = getattr(user_function, "__name__", user_function)
        return (
            f"reward.custom_reward_function.name={name} does not take what verl passes by name ({given}): {error}. Add "
            "the parameters, or **kwargs."
        )
    except ValueError:
        pass  # a callable without a signature
    return ""


def _call(function: Callable[..., Any], row: dict[str, Any]) -> Any:
    import asyncio

    async def call() -> Any:
        result = function(**row)
        return await result if inspect.isawaitable(result) else result

    return asyncio.run(call())


def format_last_lines(error: BaseException, count: int = 3) -> str:
    """The last `count` lines of the traceback."""
    lines = "".join(traceback.format_exception(error)).strip().splitlines()
    return "\n".join(line.rstrip()[:300] for line in lines[-count:])


def describe_result(result: Any, section: Any) -> dict[str, Any]:
    """The function's result as AWPO reads it: outcome and reasoning, or its problem."""
    from awpo_verl.config import parse
    from awpo_verl.rewards.parts import read_result

    awpo = parse(section)
    key = awpo.reasoning_key
    try:
        scored = read_result(result, key)
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        return {"problem": str(error.args[0] if error.args else error), "without_score": _without_score(result)}
    return {
        "outcome": repr(scored.outcome),  # JSON has no NaN
        "reasoning": repr(scored.reasoning) if scored.has_reasoning else None,
        "key": key,
        "range": list(getattr(awpo, "reasoning_range", (0.0, 1.0))),
    }


def _without_score(result: Any) -> bool:
    """Whether the function gave no outcome at all; a value of a wrong type counts as an outcome."""
    from awpo_verl.rewards.parts import OUTCOME

    if isinstance(result, Mapping):
        return result.get(OUTCOME, result.get("score")) is None
    return result is None


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # threads that the function started must not keep the process
