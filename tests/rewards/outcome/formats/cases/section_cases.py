"""Cases of the formats with JSON arguments between special tokens: kimi, deepseek_v3 and v31, gpt_oss."""

from __future__ import annotations

from tests.rewards.outcome.formats.cases.case import Case, call, json_cases

ADD = call("add", a=1)
NOW = call("now")


def _kimi_call(header: str, arguments: str) -> str:
    return f"<|tool_call_begin|>{header}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"


def _kimi(*calls: str) -> str:
    return f"<|tool_calls_section_begin|>{''.join(calls)}<|tool_calls_section_end|>"


_KIMI_ADD, _KIMI_NOW = _kimi_call("functions.add:0", '{"a": 1}'), _kimi_call("functions.now:1", "{}")

KIMI = [
    *json_cases(lambda tool, arguments: _kimi(_kimi_call(f"functions.{tool}:0", arguments))),
    Case("two calls", _kimi(_KIMI_ADD, _KIMI_NOW), (ADD, NOW)),
    Case("two sections", f"{_kimi(_KIMI_ADD)}\n{_kimi(_KIMI_NOW)}", (ADD, NOW)),
    Case("white space around the header", _kimi(_kimi_call(" functions.add:0 ", ' {"a": 1} ')), (ADD,)),
    Case("an id without `functions.`", _kimi(_kimi_call("add:0", '{"a": 1}')), (ADD,)),
    Case("the bare name of a tool", _kimi(_kimi_call("add", '{"a": 1}')), (ADD,)),
    Case("a bare number", _kimi(_kimi_call("0", '{"a": 1}')), problem="functions.NAME:NUMBER"),
    Case(
        "a point in place of the colon",
        _kimi(_kimi_call("functions.add.0", '{"a": 1}')),
        problem="functions.NAME:NUMBER",
    ),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the calls", f"I add. {_kimi(_KIMI_ADD)}", (ADD,), "I add."),
    Case("content after the calls", f"{_kimi(_KIMI_ADD)} Done.", (ADD,), "Done."),
    Case("thinking before the calls", f"<think>Add.</think>{_kimi(_KIMI_ADD)}", (ADD,), thinking="Add."),
    Case(
        "a call in the thinking",
        f"<think>{_kimi(_KIMI_NOW)}</think>{_kimi(_KIMI_ADD)}",
        (ADD,),
        thinking=_kimi(_KIMI_NOW),
    ),
    Case(
        "angle brackets in a string",
        _kimi(_kimi_call("functions.say:0", '{"text": "<b>x</b>"}')),
        (call("say", text="<b>x</b>"),),
    ),
    Case("no closing mark of the section", f"<|tool_calls_section_begin|>{_KIMI_ADD}", (ADD,)),
    Case(
        "no closing mark of the call",
        '<|tool_calls_section_begin|><|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>{"a": 1}',
        problem="never closed",
    ),
    Case("no section", _KIMI_ADD, content=_KIMI_ADD, problem="outside of its section"),
    Case(
        "broken JSON beside a good call",
        _kimi(_kimi_call("functions.add:0", '{"a": 1'), _KIMI_NOW),
        (NOW,),
        problem="not JSON",
    ),
    Case("an empty section", _kimi(), problem="without calls"),
]

_BEGIN, _END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_CALL, _SEP, _CALL_END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"


def _v3_call(tool: str, arguments: str) -> str:
    return f"{_CALL}function{_SEP}{tool}\n```json\n{arguments}\n```{_CALL_END}"


def _v31_call(tool: str, arguments: str) -> str:
    return f"{_CALL}{tool}{_SEP}{arguments}{_CALL_END}"


def _section(*calls: str, between: str = "") -> str:
    return f"{_BEGIN}{between.join(calls)}{_END}"


def _deepseek(add: str, now: str, broken: str) -> list[Case]:
    return [
        Case("two calls", _section(add, now), (ADD, NOW)),
        Case("two calls on lines of their own", _section(add, now, between="\n"), (ADD, NOW)),
        Case("two sections", _section(add) + _section(now), (ADD, NOW)),
        Case("no call", "It is noon.", content="It is noon."),
        Case("content before the calls", f"I add. {_section(add)}", (ADD,), "I add."),
        Case("content after the calls", f"{_section(add)} Done.", (ADD,), "Done."),
        Case("thinking before the calls", f"<think>\nAdd.\n</think>\n{_section(add)}", (ADD,), thinking="\nAdd.\n"),
        Case(
            "a call in the thinking", f"<think>{_section(now)}</think>{_section(add)}", (ADD,), thinking=_section(now)
        ),
        Case("no closing mark of the section", f"{_BEGIN}{add}", (ADD,)),
        Case("no closing mark of the call", f"{_BEGIN}{add.removesuffix(_CALL_END)}", problem="never closed"),
        Case("no section", add, content=add, problem="outside of its section"),
        Case("an empty section", _section(), problem="without calls"),
        Case("broken JSON beside a good call", _section(broken, now), (NOW,), problem="not JSON"),
    ]


DEEPSEEK_V3 = [
    *json_cases(lambda tool, arguments: _section(_v3_call(tool, arguments))),
    *_deepseek(_v3_call("add", '{"a": 1}'), _v3_call("now", "{}"), _v3_call("add", '{"a": 1')),
    Case("no block of JSON", _section(_v31_call("add", '{"a": 1}')), problem="function, name and a block"),
]

DEEPSEEK_V31 = [
    *json_cases(lambda tool, arguments: _section(_v31_call(tool, arguments))),
    *_deepseek(_v31_call("add", '{"a": 1}'), _v31_call("now", "{}"), _v31_call("add", '{"a": 1')),
    Case("no name", _section(f'{_CALL}{_SEP}{{"a": 1}}{_CALL_END}'), problem="without a name"),
]


def _oss(tool: str, arguments: str) -> str:
    return f"<|channel|>commentary to=functions.{tool} <|constrain|>json<|message|>{arguments}<|call|>"


_START = "<|start|>assistant"
_OSS_ADD, _OSS_NOW = _oss("add", '{"a": 1}'), _oss("now", "{}")
_ANALYSIS = "<|channel|>analysis<|message|>Add.<|end|>"

GPT_OSS = [
    *json_cases(lambda tool, arguments: _START + _oss(tool, arguments)),
    Case("the prompt has the start", _OSS_ADD, (ADD,)),
    Case("two calls", f"{_START}{_OSS_ADD}{_START}{_OSS_NOW}", (ADD, NOW)),
    Case("no call", "<|channel|>final<|message|>It is noon.<|return|>", content="It is noon."),
    Case("thinking before the call", f"{_ANALYSIS}{_START}{_OSS_ADD}", (ADD,), thinking="Add."),
    Case(
        "a call in the analysis channel",
        f"{_START}<|channel|>analysis to=functions.now <|constrain|>json<|message|>{{}}<|call|>",
        (NOW,),
    ),
    Case(
        "a preamble before the call",
        f"<|channel|>commentary<|message|>I add.<|end|>{_START}{_OSS_ADD}",
        (ADD,),
        "I add.",
    ),
    Case("content after the call", f"{_START}{_OSS_ADD}{_START}<|channel|>final<|message|>Done.", (ADD,), "Done."),
    Case(
        "the recipient before the channel",
        f'{_START} to=functions.add<|channel|>commentary json<|message|>{{"a": 1}}<|call|>',
        (ADD,),
    ),
    Case("no constraint", f'{_START}<|channel|>commentary to=functions.add<|message|>{{"a": 1}}<|call|>', (ADD,)),
    Case(
        "no closing mark",
        f'{_START}<|channel|>commentary to=functions.add <|constrain|>json<|message|>{{"a": 1}}',
        (ADD,),
    ),
    Case(
        "a tool that is not a function",
        f"{_START}<|channel|>commentary to=browser.open <|constrain|>json<|message|>{{}}<|call|>",
        problem="not a function",
    ),
    Case(
        "broken JSON",
        f'{_START}<|channel|>commentary to=functions.add <|constrain|>json<|message|>{{"a": 1<|call|>',
        problem="not JSON",
    ),
    Case(
        "a call quoted in the thinking",
        f"<|channel|>analysis<|message|>I write to=functions.now json.<|end|>{_START}{_OSS_ADD}",
        (ADD,),
        thinking="I write to=functions.now json.",
    ),
]
