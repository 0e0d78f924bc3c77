"""Rows in the documented form of each public set, made up here, and what the tests do with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from awpo_verl.rewards.outcome import check_outcome, read_target
from awpo_verl.workbench.data.counts import PrepareCounts
from awpo_verl.workbench.data.fit_to_schema import reference_calls
from awpo_verl.workbench.data.options import PrepareOptions
from awpo_verl.workbench.data.pipeline import prepare_files
from awpo_verl.workbench.data.public_sets import SETS
from awpo_verl.workbench.data.sample import Dropped, Sample

ALL = PrepareOptions(no_call=1.0, heldout=0.0)

WEATHER = {
    "name": "City Weather/v2 (daily)",
    "description": "The weather.",
    "parameters": {
        "type": "dict",
        "properties": {"city": {"type": "string"}, "days": {"type": "int"}, "unit.name": {"type": "string"}},
        "required": ["city"],
    },
    "required": None,
}
TIME = {"name": "getTime", "description": "The time.", "parameters": {"type": "dict", "properties": {}}}


def toolace(*turns: tuple[str, str], tools: Any = (WEATHER, TIME), context: str = "") -> dict[str, Any]:
    """A conversation; context: what the system text says beside the form of calls."""
    system = (
        "You are an expert in composing functions. You are given a question and a set of possible functions. "
        "Based on the question, you will need to make one or more function/tool calls to achieve the purpose.\n"
        "If none of the function can be used, point it out. If the given question lacks the parameters required by the "
        "function,\nalso point it out. You should only return the function call in tools call sections.\n"
        f"{context}Here is a list of functions in JSON format that you can invoke:\n{json.dumps(list(tools))}.\n"
        "Should you decide to return the function call(s). Put it in the format of [func1(params_name=params_value, "
        "params_name2=params_value2...), func2(params)]\n\nNO other text MUST be included."
    )
    return {"system": system, "conversations": [{"from": role, "value": text} for role, text in turns]}


def xlam(query: str, tools: Any, answers: Any, **more: Any) -> dict[str, Any]:
    return {"query": query, "tools": json.dumps(tools), "answers": json.dumps(answers), **more}


def lamp(**parameters: Any) -> dict[str, Any]:
    return {"name": "lamp", "description": "Switches a lamp.", "parameters": parameters}


def rlla(tools: str, user: str, truth: str) -> dict[str, Any]:
    system = (
        "You are a helpful assistant.\n\n**Available Tools**\nIn your response, you can use the following tools:\n"
        f"{tools}\n\n**Steps for Each Turn**\n1. **Think:** ...\n\n**Output Format**\n```plaintext\n<tool_call>\n```"
    )
    prompt = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"**Dialogue Records History**\n{user}"},
    ]
    return {"data_source": "rlla", "prompt": prompt, "reward_model": {"ground_truth": truth, "style": "rule"}}


def plain(question: str, *calls: dict[str, Any], tools: Any = None, **more: Any) -> dict[str, Any]:
    tools = [openai("f", a="integer", b="string")] if tools is None else tools
    return {"question": question, "tools": tools, "tool_calls": list(calls), **more}


def openai(name: str, required: tuple[str, ...] = (), **types: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in types.items()}
    parameters = {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}
    return {"type": "function", "function": {"name": name, "description": "", "parameters": parameters}}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def read(name: str, row: dict[str, Any]) -> list[Sample | Dropped]:
    return list(SETS[name].read_samples(row, "here:1"))


def sample(name: str, row: dict[str, Any]) -> Sample:
    (found,) = read(name, row)
    assert isinstance(found, Sample)
    return found


def write(path: Path, rows: Iterable[Any]) -> Path:
    """JSONL; a text is a line as it is."""
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows), encoding="utf-8")
    return path


def run(
    name: str, rows: Iterable[Any], folder: Path, options: PrepareOptions = ALL
) -> tuple[PrepareCounts, list[dict[str, Any]]]:
    """Prepare rows: the report, and the rows of both splits."""
    source = write(folder / "source.jsonl", rows)
    report = prepare_files(name, str(source), folder / "out", options)
    return report, written(folder / "out")


def written(out: Path) -> list[dict[str, Any]]:
    return [row for split in ("train", "heldout") for row in pq.read_table(out / f"{split}.parquet").to_pylist()]


def drops(out: Path) -> list[tuple[str, str, str]]:
    lines = (out / "dropped.jsonl").read_text().splitlines()
    return [(d["where"], d["reason"], d["detail"]) for d in map(json.loads, lines)]


def truth(row: dict[str, Any]) -> dict[str, Any]:
    return json.loads(row["reward_model"]["ground_truth"])


def reference_score(row: dict[str, Any]) -> float:
    """What our checker gives the row's own answer."""
    calls = reference_calls(truth(row)["tool_calls"])
    blocks = "\n".join(f"<tool_call>\n{json.dumps(item)}\n</tool_call>" for item in calls) or "There is none to call."
    return check_outcome(f"<think>\nSo.\n</think>\n\n{blocks}", read_target(row["reward_model"]["ground_truth"])).exact
