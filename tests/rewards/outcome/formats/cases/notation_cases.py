"""Cases of the formats with a notation of their own: pythonic and olmo3 (Python's), gemma4 and functiongemma."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awpo_verl.rewards.outcome import ToolCall
from tests.rewards.outcome.formats.cases.case import Case, call

ADD = call("add", a=1)
NOW = call("now")

# case, a call in Python's notation, arguments
PYTHON: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("one call", "add(a=3, b=0.5)", {"a": 3, "b": 0.5}),
    ("no arguments", "now()", {}),
    (
        "nested values and lists",
        "plot(points=[[1, 2], [3, 4]], style={'axes': {'x': ['km']}})",
        {"points": [[1, 2], [3, 4]], "style": {"axes": {"x": ["km"]}}},
    ),
    ("an empty list and an empty dict", "plot(points=[], style={})", {"points": [], "style": {}}),
    ("unicode", 'say(text="Zürich 東京 🎉")', {"text": "Zürich 東京 🎉"}),
    ("escaped quotes and line end", r"""say(text='it\'s \"b\"\nend')""", {"text": 'it\'s "b"\nend'}),
    ("an empty string", "say(text='')", {"text": ""}),
    ("brackets in a string", "say(text='f(x) [1], {2}')", {"text": "f(x) [1], {2}"}),
    ("True and None", "set(on=True, note=None)", {"on": True, "note": None}),
    ("true and null, as in JSON", "set(on=true, note=null)", {"on": True, "note": None}),
    ("a negative number", "add(a=-3, b=-0.5)", {"a": -3, "b": -0.5}),
    ("a tuple", "plot(points=(1, 2))", {"points": [1, 2]}),
    ("a dotted name", "math.add(a=1)", {"a": 1}),
)


def _python(wrap: Callable[[str], str]) -> list[Case]:
    return [
        *(Case(name, wrap(text), (ToolCall(text.partition("(")[0], value),)) for name, text, value in PYTHON),
        Case("a positional argument", wrap("add(1)"), (ADD,)),
    ]


PYTHONIC = [
    *_python(lambda text: f"[{text}]"),
    Case("two calls", "[add(a=1), now()]", (ADD, NOW)),
    Case("line ends in the list", "[\n  add(a=1),\n  now(),\n]", (ADD, NOW)),
    Case("the tags of Llama 4", "<|python_start|>[add(a=1)]<|python_end|>", (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the list", "I add: [add(a=1)]", content="I add: [add(a=1)]"),
    Case("content after the list", "[add(a=1)] Done.", (ADD,), problem="text after it"),
    Case("thinking before the list", "<think>\nAdd.\n</think>\n[add(a=1)]", (ADD,), thinking="\nAdd.\n"),
    Case("the list is not closed", "[add(a=1)", problem="cut off"),
    Case("a variable as a value", "[add(a=x)]", problem="not a literal"),
    Case("a sum as a value", "[add(a=1 + 2)]", problem="not a literal"),
    Case("a call as a value", "[add(a=now())]", problem="not a literal"),
    Case("a broken call beside a good one", "[now(), add(a=x)]", (NOW,), problem="not a literal"),
    Case("a list of numbers", "[1, 2]", content="[1, 2]"),
]


def _olmo(text: str) -> str:
    return f"<function_calls>{text}</function_calls>"


OLMO3 = [
    *_python(_olmo),
    Case("two calls", _olmo("\nadd(a=1)\nnow()\n"), (ADD, NOW)),
    Case("no tags", "add(a=1)\nnow()", (ADD, NOW)),
    Case("two blocks", _olmo("add(a=1)") + _olmo("now()"), (ADD,), problem="second block"),
    Case("a call over several lines", _olmo("\nadd(\n  a=1,\n)\n"), (ADD,)),
    Case("no call", "It is noon.", content="It is noon."),
    Case("content before the calls", f"I add.\n{_olmo('add(a=1)')}", (ADD,), "I add."),
    Case("content after the calls", f"{_olmo('add(a=1)')}\nDone.", (ADD,), "Done."),
    Case("thinking before the calls", f"<think>\nAdd.\n</think>\n{_olmo('add(a=1)')}", (ADD,), thinking="\nAdd.\n"),
    Case("the block is not closed", "<function_calls>\nadd(a=1)\n", problem="never closed"),
    Case("a variable as a value", _olmo("add(a=x)"), problem="not a literal"),
    Case("an empty block", _olmo("\n"), problem="without calls"),
    Case("an opening mark in a string", _olmo("say(text='<function_calls>')"), (call("say", text="<function_calls>"),)),
    Case(
        "a mark of the format in a string",
        _olmo(r"say(text='\x3c/function_calls>')"),
        (call("say", text="</function_calls>"),),
    ),
]


def _gemma_cases(opening: str, closing: str, q: str) -> list[Case]:
    def write(name: str, arguments: str) -> str:
        return f"{opening}call:{name}{{{arguments}}}{closing}"

    add, now = write("add", "a:1"), write("now", "")
    return [
        Case("one call", write("add", "a:3,b:0.5"), (call("add", a=3, b=0.5),)),
        Case("a string", write("say", f"text:{q}Paris{q}"), (call("say", text="Paris"),)),
        Case("two strings", write("say", f"text:{q}x{q},more:{q}y{q}"), (call("say", text="x", more="y"),)),
        Case("no arguments", now, (NOW,)),
        Case("two calls", add + now, (ADD, NOW)),
        Case(
            "nested values",
            write("plot", f"style:{{axes:{{x:{q}km{q}}}}}"),
            (call("plot", style={"axes": {"x": "km"}}),),
        ),
        Case("a list", write("plot", f"points:[{q}a{q},{q}b]{q},1]"), (call("plot", points=["a", "b]", 1]),)),
        Case("a list of lists", write("plot", "points:[[1,2],[3,4]]"), (call("plot", points=[[1, 2], [3, 4]]),)),
        Case("a key in quotes", write("plot", f"style:{{{q}3{q}:{q}x{q}}}"), (call("plot", style={"3": "x"}),)),
        Case(
            "unicode, quotes and line end",
            write("say", f'text:{q}Zürich 東京 "b"\n🎉{q}'),
            (call("say", text='Zürich 東京 "b"\n🎉'),),
        ),
        Case(
            "marks of the notation in a string",
            write("say", f"text:{q}a:1, {{b}} [c]{q}"),
            (call("say", text="a:1, {b} [c]"),),
        ),
        Case("an empty string", write("say", f"text:{q}{q}"), (call("say", text=""),)),
        Case("white space around a string", write("say", f"text:{q} x {q}"), (call("say", text=" x "),)),
        Case("a number in quotes", write("say", f"text:{q}42{q}"), (call("say", text="42"),)),
        Case("a number in quotes where one is due", write("add", f"a:{q}42{q}"), (call("add", a="42"),)),
        Case("true and null", write("set", "on:true,note:null"), (call("set", on=True, note=None),)),
        Case("a bare word", write("say", "text:Paris"), (call("say", text="Paris"),)),
        Case("white space between arguments", write("add", " a: 1, b: 2 "), (call("add", a=1, b=2),)),
        Case("a name with a point and a hyphen", write("math.add-up", "a:1"), (call("math.add-up", a=1),)),
        Case(
            "without a schema",
            write("other", f"a:3,on:true,text:{q}3{q}"),
            (call("other", a=3, on=True, text="3"),),
            tools=False,
        ),
        Case("no call", "It is noon.", content="It is noon."),
        Case("content before the call", f"I add. {add}", (ADD,), "I add."),
        Case("content after the call", f"{add} Done.", (ADD,), "Done."),
        Case("no closing mark", f"{opening}call:add{{a:1}}", problem="never closed"),
        Case("cut off in a string", f"{opening}call:say{{text:{q}Lon", problem="never closed"),
        Case(
            "a closing mark in a string",
            write("say", f"text:{q}a {closing} b{q}"),
            (call("say", text=f"a {closing} b"),),
        ),
        Case("no value", write("add", "a:"), problem="without a value"),
        Case("no `call:`", f"{opening}add{{a:1}}{closing}", problem="call:NAME"),
        Case("no brace at the end", f"{opening}call:add{{a:1{closing}", problem="expected"),
    ]


GEMMA4 = [
    *_gemma_cases("<|tool_call>", "<tool_call|>", '<|"|>'),
    Case(
        "thinking before the call",
        "<|channel>thought\nAdd.<channel|><|tool_call>call:add{a:1}<tool_call|>",
        (ADD,),
        thinking="\nAdd.",
    ),
    Case(
        "a call in the thinking",
        "<|channel>thought\n<|tool_call>call:now{}<tool_call|><channel|><|tool_call>call:add{a:1}<tool_call|>",
        (ADD,),
        thinking="\n<|tool_call>call:now{}<tool_call|>",
    ),
]
FUNCTIONGEMMA = _gemma_cases("<start_function_call>", "<end_function_call>", "<escape>")
