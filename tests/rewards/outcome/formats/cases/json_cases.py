"""Cases of the formats that write a call as JSON: hermes, llama3_json, mistral, phi4_mini, xlam, granite."""

from __future__ import annotations

from tests.rewards.outcome.formats.cases.case import Case, call, json_cases

ADD = call("add", a=1)
NOW = call("now")


def _hermes(tool: str, arguments: str) -> str:
    return f'<tool_call>\n{{"name": "{tool}", "arguments": {arguments}}}\n</tool_call>'


_ADD, _NOW = _hermes("add", '{"a": 1}'), _hermes("now", "{}")

HERMES = [
    *json_cases(_hermes),
    Case("two calls", f"{_ADD}\n{_NOW}", (ADD, NOW)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add.\n{_ADD}", (ADD,), "I add."),
    Case("content after the call", f"{_ADD}\nThat was it.", (ADD,), "That was it."),
    Case("content around two calls", f"First {_ADD} then {_NOW} done", (ADD, NOW), "First  then  done"),
    Case("thinking before the call", f"<think>\nAdd them.\n</think>\n\n{_ADD}", (ADD,), thinking="\nAdd them.\n"),
    Case("a call in the thinking", f"<think>\n{_NOW}\n</think>\n{_ADD}", (ADD,), thinking=f"\n{_NOW}\n"),
    Case("the arguments come before the name", '<tool_call>{"arguments": {"a": 1}, "name": "add"}</tool_call>', (ADD,)),
    Case("a further key", '<tool_call>{"id": 7, "name": "now", "arguments": {}}</tool_call>', (NOW,)),
    Case("no closing mark", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}', problem="never closed"),
    Case("broken JSON", '<tool_call>{"name": "add", "arguments": {"a": 1}</tool_call>', problem="not JSON"),
    Case(
        "a broken call beside a good one",
        f'<tool_call>{{"name": "add", "arguments": {{</tool_call>{_NOW}',
        (NOW,),
        problem="not JSON",
    ),
    Case("no name", '<tool_call>{"arguments": {"a": 1}}</tool_call>', problem="without a name"),
    Case("no arguments key", '<tool_call>{"name": "now"}</tool_call>', problem="without arguments"),
    Case("arguments as a text", '<tool_call>{"name": "add", "arguments": "{}"}</tool_call>', problem="an object"),
    Case(
        "a mark of the format in a string",
        _hermes("say", r'{"text": "<tool_call> and \u003c/tool_call>"}'),
        (call("say", text="<tool_call> and </tool_call>"),),
    ),
    Case(
        "a mark of thinking in a string",
        _hermes("say", '{"text": "a </think> b"}'),
        (call("say", text="a </think> b"),),
    ),
]


def _llama(tool: str, arguments: str) -> str:
    return f'{{"name": "{tool}", "parameters": {arguments}}}'


_LLAMA_ADD, _LLAMA_NOW = _llama("add", '{"a": 1}'), _llama("now", "{}")

LLAMA3_JSON = [
    *json_cases(_llama),
    Case("two calls", f"{_LLAMA_ADD}; {_LLAMA_NOW}", (ADD, NOW)),
    Case("two calls on lines of their own", f"{_LLAMA_ADD}\n{_LLAMA_NOW}", (ADD, NOW)),
    Case("the tag of the template", f"<|python_tag|>{_LLAMA_ADD}", (ADD,)),
    Case("arguments in place of parameters", '{"name": "add", "arguments": {"a": 1}}', (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"Sure: {_LLAMA_ADD}", (ADD,), "Sure:"),
    Case("content after the call", f"{_LLAMA_ADD} Shall I go on?", (ADD,), "Shall I go on?"),
    Case("thinking before the call", f"<think>\nAdd.\n</think>\n{_LLAMA_ADD}", (ADD,), thinking="\nAdd.\n"),
    Case("JSON that is no call", 'The record is {"id": 3}.', content='The record is {"id": 3}.'),
    Case("no parameters", '{"name": "now"}', content='{"name": "now"}'),
    Case("no name", '{"parameters": {"a": 1}}', content='{"parameters": {"a": 1}}'),
    Case("broken JSON", '{"name": "add", "parameters": {a: 1}}', problem="not JSON"),
    Case("cut off", '{"name": "add", "parameters": {"a": 1', problem="not JSON"),
    Case("a brace in the text behind the call", f"{_LLAMA_ADD} I used {{add}}.", (ADD,), "I used {add}."),
]


def _mistral(tool: str, arguments: str) -> str:
    return f"[TOOL_CALLS]{tool}[ARGS]{arguments}"


def _mistral_list(*calls: str) -> str:
    return f"[TOOL_CALLS] [{', '.join(calls)}]"


_OBJECT_ADD, _OBJECT_NOW = '{"name": "add", "arguments": {"a": 1}}', '{"name": "now", "arguments": {}}'

MISTRAL = [
    *json_cases(_mistral),
    Case("two calls", '[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]now[ARGS]{}', (ADD, NOW)),
    Case("no [ARGS]", '[TOOL_CALLS]add{"a": 1}[TOOL_CALLS]now{}', (ADD, NOW)),
    Case("a call id", '[TOOL_CALLS]add[CALL_ID]aB3dE6gH9[ARGS]{"a": 1}', (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", 'I add.[TOOL_CALLS]add[ARGS]{"a": 1}', (ADD,), "I add."),
    Case("content after the call", '[TOOL_CALLS]add[ARGS]{"a": 1} Done.', (ADD,), problem="text after the calls"),
    Case("thinking before the call", '[THINK]Add.[/THINK][TOOL_CALLS]add[ARGS]{"a": 1}', (ADD,), thinking="Add."),
    Case("a list of one", _mistral_list(_OBJECT_ADD), (ADD,)),
    Case("a list of two", _mistral_list(_OBJECT_ADD, _OBJECT_NOW), (ADD, NOW)),
    Case("a list, content before it", f"I add. {_mistral_list(_OBJECT_ADD)}", (ADD,), "I add."),
    Case("a list, content after it", f"{_mistral_list(_OBJECT_ADD)}\nDone.", (ADD,), problem="text after the calls"),
    Case(
        "a list, a name among the arguments",
        _mistral_list('{"arguments": {"name": "Ann"}, "name": "say"}'),
        (call("say", name="Ann"),),
    ),
    Case("two lists", _mistral_list(_OBJECT_ADD) + _mistral_list(_OBJECT_NOW), (ADD,), problem="beside a list"),
    Case("a list of nothing", "[TOOL_CALLS] []", problem="empty list"),
    Case("a list, no arguments", '[TOOL_CALLS] [{"name": "now"}]', problem="without arguments"),
    Case("a list, text before it", f"[TOOL_CALLS] so [{_OBJECT_ADD}]", problem="neither a list"),
    Case("neither a list nor a name", "[TOOL_CALLS] I would add.", problem="neither a list"),
    Case("broken JSON", '[TOOL_CALLS]add[ARGS]{"a": 1', problem="not JSON"),
]


def _phi(tool: str, arguments: str) -> str:
    return f'functools[{{"name": "{tool}", "arguments": {arguments}}}]'


PHI4_MINI = [
    *json_cases(_phi),
    Case("two calls", f"functools[{_OBJECT_ADD}, {_OBJECT_NOW}]", (ADD, NOW)),
    Case("line ends in the list", f"functools[\n  {_OBJECT_ADD},\n  {_OBJECT_NOW}\n]", (ADD, NOW)),
    Case("parameters in place of arguments", 'functools[{"name": "add", "parameters": {"a": 1}}]', (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the call", f"I add. functools[{_OBJECT_ADD}]", (ADD,), "I add."),
    Case("content after the call", f"functools[{_OBJECT_ADD}] Done.", (ADD,), problem="text after the calls"),
    Case("thinking before the call", f"<think>\nAdd.\n</think>\nfunctools[{_OBJECT_ADD}]", (ADD,), thinking="\nAdd.\n"),
    Case("a list of nothing", "functools[]", problem="a list of calls expected"),
    Case("no closing bracket", f"functools[{_OBJECT_ADD}", problem="not JSON"),
    Case("broken JSON", 'functools[{"name": "add", "arguments": {"a": }}]', problem="not JSON"),
    Case("no name", 'functools[{"arguments": {"a": 1}}]', problem="without a name"),
]


def _xlam(tool: str, arguments: str) -> str:
    return f'[{{"name": "{tool}", "arguments": {arguments}}}]'


XLAM = [
    *json_cases(_xlam),
    Case("two calls", f"[{_OBJECT_ADD}, {_OBJECT_NOW}]", (ADD, NOW)),
    Case("line ends in the list", f"[\n  {_OBJECT_ADD},\n  {_OBJECT_NOW}\n]", (ADD, NOW)),
    Case("a block of JSON", f"```json\n[{_OBJECT_ADD}]\n```", (ADD,)),
    Case("a block without a language", f"```\n[{_OBJECT_ADD}]\n```", (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before a block", f"I add.\n```json\n[{_OBJECT_ADD}]\n```", (ADD,), "I add."),
    Case("content after a block", f"```json\n[{_OBJECT_ADD}]\n```\nDone.", (ADD,), "Done."),
    Case("content before the list", f"I add. [{_OBJECT_ADD}]", content=f"I add. [{_OBJECT_ADD}]"),
    Case("content after the list", f"[{_OBJECT_ADD}] Done.", (ADD,), problem="text after the calls"),
    Case("thinking before the call", f"<think>Add.</think>[{_OBJECT_ADD}]", (ADD,), thinking="Add."),
    Case(
        "a list in <tool_call>",
        f"<tool_call>[{_OBJECT_ADD}]</tool_call>",
        content=f"<tool_call>[{_OBJECT_ADD}]</tool_call>",
        problem="another format",
    ),
    Case(
        "a list behind [TOOL_CALLS]",
        f"[TOOL_CALLS][{_OBJECT_ADD}]",
        content=f"[TOOL_CALLS][{_OBJECT_ADD}]",
        problem="another format",
    ),
    Case("broken JSON", '[{"name": "add", "arguments": {"a": 1}', problem="not JSON"),
    Case("no arguments key", '[{"name": "now"}]', problem="without arguments"),
    Case("arguments as a text", '[{"name": "add", "arguments": "{}"}]', problem="an object"),
    Case("a list of numbers", "[1, 2]", content="[1, 2]"),
]


def _granite(tool: str, arguments: str) -> str:
    return f'<|tool_call|>[{{"name": "{tool}", "arguments": {arguments}}}]'


GRANITE = [
    *json_cases(_granite),
    Case("two calls", f"<|tool_call|>[{_OBJECT_ADD}, {_OBJECT_NOW}]", (ADD, NOW)),
    Case("white space behind the mark", f"<|tool_call|> [\n {_OBJECT_ADD}\n]", (ADD,)),
    Case("the mark of Granite 3.1", f"<tool_call> [{_OBJECT_ADD}]", (ADD,)),
    Case("no mark", f"[{_OBJECT_ADD}]", (ADD,)),
    Case("the arguments come before the name", '<|tool_call|>[{"arguments": {"a": 1}, "name": "add"}]', (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case(
        "content before the call",
        f"I add. <|tool_call|>[{_OBJECT_ADD}]",
        content=f"I add. [{_OBJECT_ADD}]",
        problem="after other text",
    ),
    Case("content after the call", f"<|tool_call|>[{_OBJECT_ADD}] Done.", (ADD,), problem="text after the calls"),
    Case(
        "thinking before the call",
        f"<think>\nAdd.\n</think>\n<|tool_call|>[{_OBJECT_ADD}]",
        (ADD,),
        thinking="\nAdd.\n",
    ),
    Case("a closing mark", f"<tool_call>[{_OBJECT_ADD}]</tool_call>", (ADD,), problem="text after the calls"),
    Case("not a list", f"<|tool_call|>{_OBJECT_ADD}", problem="a list of calls expected"),
    Case("broken JSON", '<|tool_call|>[{"name": "add", "arguments": {', problem="not JSON"),
    Case("arguments as a text", '<|tool_call|>[{"name": "add", "arguments": "{}"}]', problem="an object"),
]
