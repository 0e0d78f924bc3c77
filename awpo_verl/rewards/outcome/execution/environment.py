"""Tools with a state: a plain class whose public methods are the tools.

    class Counter(Environment):
        def __init__(self, initial):
            self.count = initial["count"]

        def state(self):
            return {"count": self.count}

        def add(self, amount: int) -> int:
            \"""Add to the counter.

            Args:
                amount: What to add.
            \"""
            self.count += amount
            return self.count

Type hints and the Google docstring become the schema that the model sees (`tool_schemas`). A tool must return a JSON
value. If it raises, the model is shown a failed call. Each rollout gets a new environment, which must keep its state on
the instance: all rollouts share what it puts on its class or its module.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any, cast

from jsonschema import Draft202012Validator
from transformers.utils.chat_template_utils import (
    DocstringParsingException,
    TypeHintParsingException,
    get_json_schema,  # pyright: ignore[reportUnknownVariableType]
)

from awpo_verl.rewards.json_values import Json

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class Environment(ABC):
    """Base class of environments. Public methods that a subclass defines are its tools; `state` is not one."""

    @abstractmethod
    def __init__(self, initial: Mapping[str, Any]) -> None:
        """Set up the state. `initial` is a copy of the row's JSON object, this instance's own."""

    @abstractmethod
    def state(self) -> Any:
        """The state as a JSON value. Two rollouts that did the same must give equal values."""


@dataclass(frozen=True)
class EnvironmentTool:
    """One tool of an environment class.

    Attributes:
        function: called as `function(environment, **arguments)`.
        schema: OpenAI's, `{"type": "function", "function": {"name", "description", "parameters"}}`.
        validator: of the arguments object; undeclared names are errors.
    """

    function: Callable[..., Any]
    schema: dict[str, Any]
    validator: Draft202012Validator

    @property
    def usage(self) -> str:
        """How to call it, such as `cancel_order(order: integer)`. Optional arguments have a question mark."""
        parameters = self.schema["function"]["parameters"]
        required = parameters.get("required", [])
        shown = (
            f"{name}{'' if name in required else '?'}: {schema.get('type', 'any')}"
            for name, schema in parameters["properties"].items()
        )
        return f"{self.schema['function']['name']}({', '.join(shown)})"


@functools.cache
def tools_of(environment: Any) -> dict[str, EnvironmentTool]:
    """The tools of an environment class by name, in the order of its source.

    Raises:
        TypeError: it is not a subclass of Environment, has no tools, or has a method that cannot be a tool; names it.
    """
    if not (inspect.isclass(environment) and issubclass(environment, Environment)) or inspect.isabstract(environment):
        raise TypeError(
            f"{environment!r} is not an environment: it must be a subclass of "
            "awpo_verl.rewards.outcome.execution.Environment and define __init__(initial) and state()."
        )
    functions: dict[str, Any] = {}
    for base in reversed(environment.__mro__):
        if issubclass(base, Environment) and base is not Environment:
            functions |= {name: item for name, item in vars(base).items() if not name.startswith("_")}
    tools = {
        name: _tool(environment, name, function)
        for name, function in functions.items()
        if inspect.isfunction(function) and name != "state"
    }
    if not tools:
        raise TypeError(f"{environment.__qualname__} has no tool: give it a public method.")
    return tools


def tool_schemas(environment: type[Environment]) -> list[dict[str, Any]]:
    """The schemas of an environment's tools in OpenAI's form, as a chat template's `tools` takes them."""
    return [tool.schema for tool in tools_of(environment).values()]


def resolve(path: Any) -> type[Environment]:
    """The environment class at an import path `module:Class`.

    The path comes from the data set or the config, never from a model, and importing runs the module's code.

    Raises:
        ValueError: the path does not have that form, nothing is there, or the object there is not an environment.
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ValueError(f"environment={path!r} is not an import path 'module:Class', such as 'my_tools.files:Files'.")
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module's own code runs, and may raise anything
        raise ValueError(
            f"environment={path!r}: cannot import {module_name!r} ({type(error).__name__}: {error}). Every Ray worker "
            "must be able to: install it, or put its folder on PYTHONPATH."
        ) from error
    if class_name not in vars(module):
        raise ValueError(f"environment={path!r}: module {module_name!r} has no {class_name!r}.")
    environment = vars(module)[class_name]
    try:
        tools_of(environment)
    except TypeError as error:
        raise ValueError(f"environment={path!r}: {error}") from error
    return environment


def name_of(environment: type[Environment]) -> str:
    """The name `module:Class`, which other processes may or may not be able to import."""
    return f"{environment.__module__}:{environment.__qualname__}"


def path_of(environment: type[Environment]) -> str:
    """The import path that `resolve` takes.

    Raises:
        ValueError: the class cannot be imported (it is local to a function, or belongs to `__main__`).
    """
    path = name_of(environment)
    if environment.__module__ == "__main__" or resolve(path) is not environment:
        raise ValueError(f"{path} cannot be imported by other processes: define the class at the top of a module.")
    return path


def _tool(environment: type[Environment], name: str, function: Callable[..., Any]) -> EnvironmentTool:
    where = f"{environment.__qualname__}.{name}"
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{where} cannot be a tool: its parameter {parameter.name!r} cannot be given by name.")
    try:
        # bound, so that self is not a parameter
        schema = cast("dict[str, Any]", get_json_schema(MethodType(function, object())))
    except (TypeHintParsingException, DocstringParsingException, NameError) as error:
        raise TypeError(
            f"{where} cannot be a tool: {error} Every parameter needs a type hint and a line under 'Args:' in the "
            "docstring; start the name with an underscore if it is not a tool."
        ) from error
    schema["function"].pop("return", None)
    parameters: dict[str, Any] = {**schema["function"]["parameters"], "additionalProperties": False}
    return EnvironmentTool(function, schema, Draft202012Validator(cast("Any", _json_schema(parameters))))


def _json_schema(schema: Json) -> Json:
    """Replace OpenAPI's `nullable`, which transformers writes for `Optional`, by JSON Schema's type null."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _json_schema(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain
