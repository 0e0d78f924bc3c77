"""Hammer's changes of a sample (arXiv 2410.04587), so that a model reads what tools do and not what they are called.

Masking: each tool's name and each of its parameters' names is replaced by a random string, in the tools, in the
expected calls, in earlier calls and, tools' names alone, in earlier results. Each sample has its own strings. Names
inside of nested objects stay, and so does what descriptions and the user say.

Irrelevance: the tools that would be called are taken out, and no call is expected. What is left may still fit the
question, now and then, and nothing here can tell.
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
from awpo_verl.workbench.data.tools import names_of

MASKED, IRRELEVANT = "masked", "irrelevant"

_MASKABLE = {"type", "properties", "required", "description", "title", "additionalProperties"}  # keys of a schema
_LETTERS = string.ascii_letters
_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Mask:
    """New names: of tools, and of the parameters of each tool, by its old name."""

    tools: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, str]]

    @property
    def inverse(self) -> Mask:
        """The mask that gives the old names back."""
        return Mask(
            {new: old for old, new in self.tools.items()},
            {self.tools[name]: {new: old for old, new in names.items()} for name, names in self.parameters.items()},
        )


def draw_mask(sample: Sample, rng: random.Random) -> Mask | None:
    """Random names for a sample's tools and their parameters; None where a schema says more than names and types."""
    taken = set(names_of(sample.tools))
    for tool in sample.tools:
        parameters = tool["function"]["parameters"]
        if set(parameters) - _MASKABLE:
            return None
        taken.update(parameters.get("properties", ()))
    names = {name: _draw(rng, taken) for name in names_of(sample.tools)}
    parameters = {
        tool["function"]["name"]: {
            key: _draw(rng, taken) for key in tool["function"]["parameters"].get("properties", ())
        }
        for tool in sample.tools
    }
    return Mask(names, parameters)


def masked(sample: Sample, mask: Mask) -> Sample:
    """The sample with the mask's names; without its reasoning and steps, where these speak of the old ones."""
    old = {*mask.tools, *(name for names in mask.parameters.values() for name in names)}
    told = re.findall(r"[\w.-]+", " ".join((sample.reasoning, *(sample.steps or ()))))
    speaks = not old.isdisjoint(told)
    return replace(
        sample,
        tools=tuple(_tool(tool, mask) for tool in sample.tools),
        calls=tuple(_call(call, mask) for call in sample.calls),
        messages=tuple(_message(message, mask) for message in sample.messages),
        reasoning="" if speaks else sample.reasoning,
        steps=None if speaks else sample.steps,
        source_prompt=None,
    )


def irrelevant(sample: Sample) -> Sample | None:
    """The sample without the tools that it calls; None where no other is left, or it has called some before."""
    called = {call["name"] for call in sample.calls}
    left = tuple(tool for tool in sample.tools if tool["function"]["name"] not in called)
    if not called or not left or any(message.get("tool_calls") for message in sample.messages):
        return None
    return replace(sample, tools=left, calls=(), reasoning="", steps=None, source_prompt=None)


def _draw(rng: random.Random, taken: set[str]) -> str:
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
