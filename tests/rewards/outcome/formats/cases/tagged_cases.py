"""Cases of the formats that write arguments as text between tags: qwen3_coder, seed, glm, minimax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awpo_verl.rewards.outcome import ToolCall
from tests.rewards.outcome.formats.cases.case import Case, call

ADD = call("add", a=1)
NOW = call("now")

Write = Callable[..., str]  # (tool, (key, value), ...) -> a response with this call

# Values as text, typed by the schema: case, tool, (key, value) as written, arguments
TYPED: tuple[tuple[str, str, tuple[tuple[str, str], ...], dict[str, Any]], ...] = (
    ("one call", "add", (("a", "3"), ("b", "0.5")), {"a": 3, "b": 0.5}),
    ("no arguments", "now", (), {}),
    (
        "nested values and lists",
        "plot",
        (("points", "[[1, 2], [3, 4]]"), ("style", '{"axes": {"x": ["km"]}}')),
        {"points": [[1, 2], [3, 4]], "style": {"axes": {"x": ["km"]}}},
    ),
    ("JSON over several lines", "plot", (("style", '{"x": 1,\n "y": 2}'),), {"style": {"x": 1, "y": 2}}),
    (
        "unicode, quotes and backslash",
        "say",
        (("text", 'Zürich 東京 🎉 "b" C:\\tmp'),),
        {"text": 'Zürich 東京 🎉 "b" C:\\tmp'},
    ),
    ("several lines", "say", (("text", "one\n  two\n\nthree"),), {"text": "one\n  two\n\nthree"}),
    ("white space around a string", "say", (("text", "  x  "),), {"text": "  x  "}),
    ("an empty string", "say", (("text", ""),), {"text": ""}),
    ("a string that looks like a number", "say", (("text", "007"),), {"text": "007"}),
    ("a string that looks like JSON", "say", (("text", '{"k": 1}'),), {"text": '{"k": 1}'}),
    ("a string that looks like true", "say", (("text", "true"),), {"text": "true"}),
    ("a string that is null", "say", (("text", "null"),), {"text": "null"}),
    ("true and null", "set", (("on", "true"), ("note", "null")), {"on": True, "note": None}),
    ("True as Python writes it", "set", (("on", "True"),), {"on": True}),
    ("a word where a number is due", "add", (("a", "three"),), {"a": "three"}),
    ("a whole number as a float", "add", (("b", "5.0"),), {"b": 5.0}),
    (
        "angle brackets and a mark of thinking",
        "say",
        (("text", "<b>1 < 2</b> </think>"),),
        {"text": "<b>1 < 2</b> </think>"},
    ),
)


def typed_cases(write: Write, python: Any, untyped: dict[str, Any]) -> list[Case]:
    """The cases of TYPED, a list as Python writes it, and arguments of a tool without a schema.

    Args:
        python: what we read in "['a', None]" where a list is due.
        untyped: what we read in the arguments without a schema.
    """
    return [
        *(Case(name, write(tool, *pairs), (ToolCall(tool, value),)) for name, tool, pairs, value in TYPED),
        Case("a list as Python writes it", write("plot", ("points", "['a', None]")), (call("plot", points=python),)),
        Case(
            "without a schema",
            write("other", ("a", "3"), ("flag", "true"), ("text", "x y")),
            (ToolCall("other", untyped),),
            tools=False,
        ),
    ]


def _function(name: str, *pairs: tuple[str, str], line: str = "\n") -> str:
    parameters = "".join(f"<parameter={key}>{line}{value}{line}</parameter>\n" for key, value in pairs)
    return f"<function={name}>\n{parameters}</function>"


def _qwen(name: str, *pairs: tuple[str, str]) -> str:
    return f"<tool_call>\n{_function(name, *pairs)}\n</tool_call>"


_QWEN_ADD, _QWEN_NOW = _qwen("add", ("a", "1")), _qwen("now")

QWEN3_CODER = [
    *typed_cases(_qwen, ["a", None], {"a": "3", "flag": "true", "text": "x y"}),
    Case("two calls", f"{_QWEN_ADD}\n{_QWEN_NOW}", (ADD, NOW)),
    Case(
        "two functions in one block",
        f"<tool_call>\n{_function('add', ('a', '1'))}\n{_function('now')}\n</tool_call>",
        (ADD, NOW),
    ),
    Case("no line ends", "<tool_call><function=add><parameter=a>1</parameter></function></tool_call>", (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add.\n{_QWEN_ADD}", (ADD,), "I add."),
    Case("content after the call", f"{_QWEN_ADD}\nDone.", (ADD,), "Done."),
    Case("thinking before the call", f"<think>\nAdd.\n</think>\n\n{_QWEN_ADD}", (ADD,), thinking="\nAdd.\n"),
    Case("a call in the thinking", f"<think>{_QWEN_NOW}</think>{_QWEN_ADD}", (ADD,), thinking=_QWEN_NOW),
    Case("no tags around the function", _function("add", ("a", "1")), problem="without <tool_call>"),
    Case("the opening tag is missing", f"{_function('add', ('a', '1'))}\n</tool_call>", problem="without <tool_call>"),
    Case("a function behind the block", f"{_QWEN_ADD}\n{_function('now')}", (ADD,), problem="without <tool_call>"),
    Case("the closing tag is missing", f"<tool_call>\n{_function('add', ('a', '1'))}", (ADD,)),
    Case(
        "the function is not closed",
        "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n</tool_call>",
        problem="never closed",
    ),
    Case(
        "a parameter is not closed",
        "<tool_call>\n<function=add>\n<parameter=a>\n1\n<parameter=b>\n2\n</parameter>\n</function>\n</tool_call>",
        problem="never closed",
    ),
    Case("no name", "<tool_call>\n<function=>\n</function>\n</tool_call>", problem="without a name"),
    Case(
        "JSON in the block",
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
        content='{"name": "now", "arguments": {}}',
        problem="without <function",
    ),
    Case("a parameter twice", _qwen("add", ("a", "1"), ("a", "2")), problem="twice"),
]


def _seed(name: str, *pairs: tuple[str, str]) -> str:
    return f"<seed:tool_call>\n{_function(name, *pairs, line='')}\n</seed:tool_call>"


_SEED_ADD, _SEED_NOW = _seed("add", ("a", "1")), _seed("now")

SEED = [
    *typed_cases(_seed, "['a', None]", {"a": 3, "flag": True, "text": "x y"}),
    Case("two calls", f"{_SEED_ADD}\n{_SEED_NOW}", (ADD, NOW)),
    Case(
        "two functions in one block",
        f"<seed:tool_call>{_function('add', ('a', '1'), line='')}{_function('now')}</seed:tool_call>",
        (ADD,),
        problem="without <seed:tool_call>",
    ),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add.\n{_SEED_ADD}", (ADD,), "I add."),
    Case("content after the call", f"{_SEED_ADD}\nDone.", (ADD,), "Done."),
    Case("thinking before the call", f"<seed:think>Add.</seed:think>\n{_SEED_ADD}", (ADD,), thinking="Add."),
    Case(
        "thinking with a budget",
        f"<seed:think>\n<seed:cot_budget_reflect>9 left.</seed:cot_budget_reflect>\nAdd.</seed:think>{_SEED_ADD}",
        (ADD,),
        thinking="\n<seed:cot_budget_reflect>9 left.</seed:cot_budget_reflect>\nAdd.",
    ),
    Case("a call in the thinking", f"<seed:think>{_SEED_NOW}</seed:think>{_SEED_ADD}", (ADD,), thinking=_SEED_NOW),
    Case("no tags around the function", _function("add", ("a", "1"), line=""), problem="without <seed:tool_call>"),
    Case(
        "the closing tag is missing",
        f"<seed:tool_call>{_function('add', ('a', '1'), line='')}",
        problem="without </seed:tool_call>",
    ),
    Case(
        "the function is not closed",
        "<seed:tool_call>\n<function=add>\n<parameter=a>1</parameter>\n</seed:tool_call>",
        problem="never closed",
    ),
    Case(
        "a parameter is not closed",
        "<seed:tool_call><function=add><parameter=a>1<parameter=b>2</parameter></function></seed:tool_call>",
        problem="never closed",
    ),
]


def _glm(name: str, *pairs: tuple[str, str]) -> str:
    written = "".join(f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in pairs)
    return f"<tool_call>{name}\n{written}</tool_call>"


_GLM_ADD, _GLM_NOW = _glm("add", ("a", "1")), "<tool_call>now</tool_call>"

GLM = [
    *typed_cases(_glm, "['a', None]", {"a": 3, "flag": True, "text": "x y"}),
    Case("two calls", f"{_GLM_ADD}\n{_GLM_NOW}", (ADD, NOW)),
    Case("no line ends", "<tool_call>add<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>", (ADD,)),
    Case("a name and a line end", "<tool_call>\nnow\n</tool_call>", (NOW,)),
    Case(
        "white space in a key", "<tool_call>add\n<arg_key> a </arg_key>\n<arg_value>1</arg_value></tool_call>", (ADD,)
    ),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add.\n{_GLM_ADD}", (ADD,), "I add."),
    Case("content after the call", f"{_GLM_ADD}\nDone.", (ADD,), "Done."),
    Case("thinking before the call", f"<think>Add.</think>\n{_GLM_ADD}", (ADD,), thinking="Add."),
    Case("a call in the thinking", f"<think>{_GLM_NOW}</think>{_GLM_ADD}", (ADD,), thinking=_GLM_NOW),
    Case("a tool that is not offered", "<tool_call>gone</tool_call>", (call("gone"),)),
    Case("no closing mark", _GLM_ADD.removesuffix("</tool_call>"), problem="never closed"),
    Case("no name", "<tool_call></tool_call>", problem="without a name"),
    Case(
        "a value is not closed",
        "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>1\n</tool_call>",
        problem="never closed",
    ),
    Case(
        "a key is not closed",
        "<tool_call>add\n<arg_key>a\n<arg_value>1</arg_value>\n</tool_call>",
        problem="never closed",
    ),
    Case("JSON in the block", '<tool_call>{"name": "now", "arguments": {}}</tool_call>', problem="without a name"),
]


def _minimax_invoke(name: str, *pairs: tuple[str, str]) -> str:
    parameters = "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in pairs)
    return f'<invoke name="{name}">\n{parameters}</invoke>\n'


def _minimax(name: str, *pairs: tuple[str, str]) -> str:
    return f"<minimax:tool_call>\n{_minimax_invoke(name, *pairs)}</minimax:tool_call>"


_MINIMAX_ADD, _MINIMAX_NOW = _minimax("add", ("a", "1")), _minimax("now")

MINIMAX = [
    *typed_cases(_minimax, "['a', None]", {"a": 3, "flag": True, "text": "x y"}),
    Case(
        "two calls",
        f"<minimax:tool_call>\n{_minimax_invoke('add', ('a', '1'))}{_minimax_invoke('now')}</minimax:tool_call>",
        (ADD, NOW),
    ),
    Case("two blocks", f"{_MINIMAX_ADD}\n{_MINIMAX_NOW}", (ADD, NOW)),
    Case(
        "no line ends",
        '<minimax:tool_call><invoke name="add"><parameter name="a">1</parameter></invoke></minimax:tool_call>',
        (ADD,),
    ),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add.\n{_MINIMAX_ADD}", (ADD,), "I add."),
    Case("content after the call", f"{_MINIMAX_ADD}\nDone.", (ADD,), "Done."),
    Case("thinking before the call", f"<think>\nAdd.\n</think>\n{_MINIMAX_ADD}", (ADD,), thinking="\nAdd.\n"),
    Case("a call in the thinking", f"<think>{_MINIMAX_NOW}</think>{_MINIMAX_ADD}", (ADD,), thinking=_MINIMAX_NOW),
    Case("a tool that is not offered", _minimax("gone"), (call("gone"),)),
    Case(
        "single quotes",
        "<minimax:tool_call><invoke name='add'><parameter name='a'>1</parameter></invoke></minimax:tool_call>",
        problem="without a name",
    ),
    Case("the block is not closed", _MINIMAX_ADD.removesuffix("</minimax:tool_call>"), problem="never closed"),
    Case(
        "the call is not closed",
        '<minimax:tool_call><invoke name="add"><parameter name="a">1</parameter></minimax:tool_call>',
        problem="never closed",
    ),
    Case(
        "a parameter is not closed",
        '<minimax:tool_call><invoke name="add"><parameter name="a">1</invoke></minimax:tool_call>',
        problem="never closed",
    ),
    Case(
        "no block",
        _minimax_invoke("add", ("a", "1")),
        content=_minimax_invoke("add", ("a", "1")).strip(),
        problem="outside of its block",
    ),
]
