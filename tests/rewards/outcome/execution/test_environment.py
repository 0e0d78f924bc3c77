"""Environment classes: the schema that the model is shown, and import paths."""

from __future__ import annotations

import jsonschema
import pytest

from awpo_verl.rewards.outcome.execution import path_of, resolve, tool_schemas, tools_of
from tests.rewards.outcome.execution.environments import Counter, NoTools, Untyped, Variadic


def test_the_schema_comes_from_type_hints_and_docstring():
    schemas = {schema["function"]["name"]: schema for schema in tool_schemas(Counter)}
    assert list(schemas) == ["add", "read", "push", "pick"]  # in source order; neither state nor _secret
    assert schemas["add"] == {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add to the counter.",
            "parameters": {
                "type": "object",
                "properties": {"amount": {"type": "integer", "description": "What to add."}},
                "required": ["amount"],
            },
        },
    }
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema["function"]["parameters"])


def test_usage_names_types_and_marks_what_is_optional():
    assert tools_of(Counter)["pick"].usage == "pick(color: string, shade?: integer)"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (NoTools, "NoTools has no tool"),
        (Untyped, r"Untyped\.look cannot be a tool: Argument where is missing a type hint"),
        (Variadic, r"Variadic\.look cannot be a tool: its parameter 'where' cannot be given by name"),
        (dict, "is not an environment"),
    ],
)
def test_a_class_that_cannot_be_an_environment_is_refused_and_named(environment, says):
    with pytest.raises(TypeError, match=says):
        tools_of(environment)


def test_an_import_path_resolves_to_its_class_and_back():
    assert path_of(Counter) == "tests.rewards.outcome.execution.environments:Counter"
    assert resolve(path_of(Counter)) is Counter


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("os.system", "not an import path"),
        ("os:system('ls')", "not an import path"),
        ("tests.rewards.outcome.execution.environments:Counter.add", "not an import path"),
        ("no_such_module_here:Files", "cannot import 'no_such_module_here'"),
        ("tests.rewards.outcome.execution.environments:Missing", "has no 'Missing'"),
        ("tests.rewards.outcome.execution.environments:NOT_AN_ENVIRONMENT", "is not an environment"),
        ("os:system", "is not an environment"),
        ("tests.rewards.outcome.execution.environments:Environment", "is not an environment"),
        (None, "not an import path"),
    ],
)
def test_an_import_path_that_is_no_environment_is_refused(path, says):
    with pytest.raises(ValueError, match=says):
        resolve(path)


def test_a_local_class_has_no_import_path():
    class Local(Counter):
        pass

    with pytest.raises(ValueError, match="Local"):
        path_of(Local)
