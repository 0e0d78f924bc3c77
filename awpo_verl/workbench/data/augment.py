"""Hammer's changes of a sample (arXiv 2410.04587). They teach a model to read what a tool does, not its name.

Masking: random strings replace the names of tools and of their parameters in the tools, in the expected calls and in
earlier calls. Tool names are also replaced in earlier results. Each sample has its own strings. Names inside nested
objects, descriptions and the user's words stay.

Irrelevance: the tools that would be called are removed, and no call is expected. Now and then a remaining tool still
fits the question; this is not detected.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from awpo_verl.workbench.data.sample import Sample
from awpo_verl.workbench.data.tools import tool_names

MASKED, IRRELEVANT = "masked", "irrelevant"

_MASKABLE = {"type", "properties", "required", "description", "title", "additionalProperties"}  # of a schema's keys
_LETTERS = string.ascii_letters
_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Mask:
    """New names by old names.

    Attributes:
        tools: old name -> new name.
        parameters: a tool's old name -> old name of a parameter -> new name.
    """

    tools: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, str]]

    @property
    def inverse(self) -> Mask:
        """The mask that restores the old names."""
        return Mask(
            {new: old for old, new in self.tools.items()},
            {self.tools[name]: {new: old for old, new in names.items()} for name, names in self.parameters.items()},
        )


def draw_mask(sample: Sample, rng: random.Random) -> Mask | None:
    """Draw random names for a sample's tools and their parameters; None if a schema has more than names and types."""
    taken = set(tool_names(sample.tools))
    for tool in sample.tools:
        parameters = tool["function"]["parameters"]
        if set(parameters) - _MASKABLE:
            return None
        taken.update(parameters.get("properties", ()))
    names = {name: _draw_name(rng, taken) for name in tool_names(sample.tools)}
    parameters = {
        tool["function"]["name"]: {
            key: _draw_name(rng, taken) for key in tool["function"]["parameters"].get("properties", ())
        }
        for tool in sample.tools
    }
    return Mask(names, parameters)


def apply_mask(sample: Sample, mask: Mask) -> Sample:
    """Rename the sample's tools and parameters. If its reasoning or steps mention old names, both are removed."""
    old = {*mask.tools, *(name for names in mask.parameters.values() for name in names)}
    words = re.findall(r"[\w.-]+", " ".join((sample.reasoning, *(sample.steps or ()))))
    mentions_old = not old.isdisjoint(words)
    return replace(
        sample,
        tools=tuple(_tool(tool, mask) for tool in sample.tools),
        calls=tuple(_call(call, mask) for call in sample.calls),
        messages=tuple(_message(message, mask) for message in sample.messages),
        reasoning="" if mentions_old else sample.reasoning,
        steps=None if mentions_old else sample.steps,
        source_prompt=None,
    )


def remove_called_tools(sample: Sample) -> Sample | None:
    """Remove the tools that the sample calls; None if no other tool is left, or an earlier turn has called one."""
    called = {call["name"] for call in sample.calls}
    left = tuple(tool for tool in sample.tools if tool["function"]["name"] not in called)
    if not called or not left or any(message.get("tool_calls") for message in sample.messages):
        return None
    return replace(sample, tools=left, calls=(), reasoning="", steps=None, source_prompt=None)


def _draw_name(rng: random.Random, taken: set[str]) -> str:
    while True:
        name = rng.choice(_LETTERS) + "".join(rng.choices(_CHARACTERS, k=rng.randint(4, 9)))
        if name not in taken:
            taken.add(name)
            return name


def _tool(tool: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    function = tool["function"]
    names = mask.parameters[function["name"]]
    parameters = dict(function["parameters"])
    if "properties" in parameters:
        parameters["properties"] = {names[key]: value for key, value in parameters["properties"].items()}
    if "required" in parameters:
        parameters["required"] = [names.get(key, key) for key in parameters["required"]]
    return {**tool, "function": {**function, "name": mask.tools[function["name"]], "parameters": parameters}}


def _call(call: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    names = mask.parameters.get(call["name"], {})
    arguments = {names.get(key, key): value for key, value in call["arguments"].items()}
    return {"name": mask.tools.get(call["name"], call["name"]), "arguments": arguments}


def _message(message: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    result = dict(message)
    if message.get("tool_calls"):
        result["tool_calls"] = [_call(call, mask) for call in message["tool_calls"]]
    if message["role"] == "tool":
        for old, new in mask.tools.items():
            result["content"] = result["content"].replace(
                json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False)
            )
    return result
