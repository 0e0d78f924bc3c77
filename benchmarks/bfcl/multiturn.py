"""Compare the trajectory check with BFCL's own checker, on its 800 multi-turn references over its own classes.

    pip install --no-deps --target .cache/bfcl bfcl-eval==2026.3.23
    python -m benchmarks.bfcl.multiturn [--bfcl .cache/bfcl]

Each reference is replayed as it is and, as a control, changed. Its calls are Python text, read with our pythonic parser
(positional arguments by the schema) and compared with what Python's own parser reads. Both checkers check every replay:
ours with `results` none (only the state), auto (the default) and all. `all` is BFCL's rule, except that BFCL counts
repeated results. Prints how many replays are valid and where `all` and BFCL differ. Writes
benchmarks/bfcl/multiturn.json. The exit code is 1 if a reference is not valid. Takes about a minute and a half.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from awpo_verl.rewards.outcome import ToolCall, ToolSchemas, parse_response, parse_tools
from awpo_verl.rewards.outcome.execution import Observation, TrajectoryError, compare, run_reference
from benchmarks.bfcl import official

CATEGORIES = ("base", "miss_func", "miss_param", "long_context")
RESULTS = ("none", "auto", "all")
COLUMNS = ("replays", "end state differs", *RESULTS, "BFCL", "all differs from BFCL")
CallTurns = list[list[ToolCall]]


@dataclass(frozen=True)
class Trajectory:
    """An entry of BFCL: the setup of its classes, the tool schemas, and the reference as text and as calls."""

    entry: dict[str, Any]
    tools: ToolSchemas
    texts: list[list[str]]
    turns: CallTurns

    @property
    def long_context(self) -> bool:
        return "long_context" in self.entry["id"]


class Classes:
    """BFCL's classes as an environment for `run_reference`, with `call` and `state`."""

    def __init__(self, trajectory: Trajectory) -> None:
        from bfcl_eval.constants.executable_backend_config import CLASS_FILE_PATH_MAPPING, STATELESS_CLASSES

        self.instances: dict[str, Any] = {}
        for name in trajectory.entry["involved_classes"]:
            instance = getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[name]), name)()
            if name not in STATELESS_CLASSES:
                initial = copy.deepcopy(trajectory.entry["initial_config"].get(name, {}))
                instance._load_scenario(initial, long_context=trajectory.long_context)
            self.instances[name] = instance

    def call(self, call: ToolCall) -> Observation:
        for instance in reversed(self.instances.values()):  # as in BFCL: the last class that has the method
            if not call.name.startswith("_") and callable(method := getattr(instance, call.name, None)):
                break
        else:
            return Observation(f"no tool {call.name!r}", failed=True)
        try:
            result = method(**copy.deepcopy(call.arguments))
        except Exception as error:  # noqa: BLE001  # as in BFCL: the model sees the error
            return Observation(f"Error during execution: {error}", failed=True)
        return Observation(result if isinstance(result, str) else json.dumps(as_json(result)), failed=False)

    def state(self) -> Any:
        return {name: as_json(instance) for name, instance in self.instances.items()}


def as_json(value: Any) -> Any:
    """What BFCL compares of an object: its public attributes as JSON, without a directory's `parent`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, set):
        return sorted(map(as_json, value))
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if not hasattr(value, "__dict__"):
        return str(value)
    return {k: as_json(item) for k, item in vars(value).items() if not k.startswith("_") and k != "parent"}


def main() -> int:
    parser = official.options(__doc__ or "")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    if not official.load(options.bfcl):
        return 0
    counts: Counter[tuple[str, str]] = Counter()
    differing: list[dict[str, Any]] = []
    for trajectory in trajectories(options.bfcl):
        for replay, turns in replays(trajectory):
            judge(trajectory, replay, turns, counts, differing)
    rows = {replay: {name: counts[replay, name] for name in COLUMNS} for replay, _ in dict(counts)}
    show(rows, differing)
    options.json.write_text(json.dumps({"replays": rows, "differing_from_bfcl": differing[:20]}, indent=2) + "\n")
    valid = rows["reference"]
    return 0 if all(valid[name] == valid["replays"] for name in RESULTS) else 1


def judge(
    trajectory: Trajectory, replay: str, turns: list[list[str]], counts: Counter, differing: list[dict[str, Any]]
) -> None:
    """Count our verdicts and BFCL's on one replay."""
    make = partial(Classes, trajectory)
    calls = parsed(turns, trajectory.tools)
    counts[replay, "replays"] += 1
    counts[replay, "end state differs"] += end_state(trajectory, calls) != end_state(trajectory, trajectory.turns)
    verdicts: dict[str, bool] = {}
    for results in RESULTS:
        try:
            match = compare(run_reference(make, trajectory.turns, results), make, calls)
            verdicts[results] = match.ok
            reason = match.reason
        except TrajectoryError as error:
            verdicts[results], reason = False, str(error)
        counts[replay, results] += verdicts[results]
    verdicts["BFCL"] = bfcl_valid(trajectory, turns)
    counts[replay, "BFCL"] += verdicts["BFCL"]
    if verdicts["all"] != verdicts["BFCL"]:
        counts[replay, "all differs from BFCL"] += 1
        differing.append({"id": trajectory.entry["id"], "replay": replay, **verdicts, "reason": reason[:300]})


def trajectories(folder: Path) -> Iterator[Trajectory]:
    from bfcl_eval.constants.executable_backend_config import MULTI_TURN_FUNC_DOC_FILE_MAPPING

    for category in CATEGORIES:
        name = f"BFCL_v4_multi_turn_{category}"
        answers = {item["id"]: item["ground_truth"] for item in official.data(folder, f"possible_answer/{name}")}
        for entry in official.data(folder, name):
            files = [MULTI_TURN_FUNC_DOC_FILE_MAPPING[item].removesuffix(".json") for item in entry["involved_classes"]]
            documents = [item for file in files for item in official.data(folder, f"multi_turn_func_doc/{file}")]
            tools = parse_tools(documents) or {}
            texts = answers[entry["id"]]
            yield Trajectory(entry, tools, texts, parsed(texts, tools))


def parsed(texts: list[list[str]], tools: ToolSchemas) -> CallTurns:
    """The calls of each user turn, read by our parser.

    Raises:
        AssertionError: Python's own parser reads another call.
    """
    turns: CallTurns = []
    for turn in texts:
        response = parse_response(f"[{', '.join(turn)}]", "pythonic", tools) if turn else None
        calls = list(response.calls) if response else []
        if [(call.name, call.arguments) for call in calls] != [by_python(text, tools) for text in turn]:
            raise AssertionError(f"read differently: {turn}: {response}")
        turns.append(calls)
    return turns


def by_python(text: str, tools: ToolSchemas) -> tuple[str, dict[str, Any]]:
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise AssertionError(text)
    arguments = dict(zip(tools[node.func.id].order, map(ast.literal_eval, node.args), strict=False))
    return node.func.id, arguments | {str(key.arg): ast.literal_eval(key.value) for key in node.keywords}


def replays(trajectory: Trajectory) -> Iterator[tuple[str, list[list[str]]]]:
    """(name, turns): the reference, and changed replays: a call dropped, or all calls made in the last turn."""
    places = [(i, j) for i, turn in enumerate(trajectory.texts) for j in range(len(turn))]
    yield "reference", trajectory.texts
    yield "last call dropped", without(trajectory.texts, places[-1])
    changing = changing_calls(trajectory)
    if changing:
        yield "last state-changing call dropped", without(trajectory.texts, changing[-1])
        yield "first state-changing call dropped", without(trajectory.texts, changing[0])
    yield (
        "all done in the last turn",
        [*([] for _ in trajectory.texts[1:]), [text for turn in trajectory.texts for text in turn]],
    )


def without(turns: list[list[str]], place: tuple[int, int]) -> list[list[str]]:
    return [[text for j, text in enumerate(turn) if (i, j) != place] for i, turn in enumerate(turns)]


def changing_calls(trajectory: Trajectory) -> list[tuple[int, int]]:
    """The places (turn, call) of the calls that change the state."""
    classes = Classes(trajectory)
    found = []
    before = classes.state()
    for i, turn in enumerate(trajectory.turns):
        for j, call in enumerate(turn):
            classes.call(call)
            if (after := classes.state()) != before:
                found.append((i, j))
            before = after
    return found


def end_state(trajectory: Trajectory, turns: CallTurns) -> Any:
    classes = Classes(trajectory)
    for call in (call for turn in turns for call in turn):
        classes.call(call)
    return classes.state()


def bfcl_valid(trajectory: Trajectory, turns: list[list[str]]) -> bool:
    """BFCL's verdict. BFCL keeps its instances as globals of a module; they are removed afterwards."""
    from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import multi_turn_checker

    before = set(vars(multi_turn_utils))
    steps = [[turn] if turn else [] for turn in turns]
    try:
        return multi_turn_checker(steps, trajectory.texts, trajectory.entry, "", "model")["valid"]
    finally:
        for name in set(vars(multi_turn_utils)) - before:
            delattr(multi_turn_utils, name)


def show(rows: dict[str, dict[str, int]], differing: list[dict[str, Any]]) -> None:
    console = Console(width=140)
    table = Table(title="Valid replays of BFCL's multi-turn references")
    for name in ("", *COLUMNS):
        table.add_column(name, justify="right" if name else "left")
    for replay, row in rows.items():
        table.add_row(replay, *(str(row[name]) for name in COLUMNS))
    console.print(table)
    for item in differing[:10]:
        console.print(str(item), markup=False)


if __name__ == "__main__":
    sys.exit(main())
