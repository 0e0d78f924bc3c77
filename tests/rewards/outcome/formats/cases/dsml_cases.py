"""Cases of DeepSeek's formats with tagged parameters that say whether they are strings: deepseek_v32 and v4."""

from __future__ import annotations

from tests.rewards.outcome.formats.cases.case import Case, call

ADD = call("add", a=1)
NOW = call("now")

_D = "｜DSML｜"


def _dsml_cases(block: str) -> list[Case]:
    def invoke(name: str, *pairs: tuple[str, str, str]) -> str:
        parameters = "".join(f'<{_D}parameter name="{k}" string="{s}">{v}</{_D}parameter>\n' for k, s, v in pairs)
        return f'<{_D}invoke name="{name}">\n{parameters}</{_D}invoke>\n'

    def write(*invokes: str) -> str:
        return f"<{_D}{block}>\n{''.join(invokes)}</{_D}{block}>"

    def one(name: str, *pairs: tuple[str, str, str]) -> str:
        return write(invoke(name, *pairs))

    add, now = invoke("add", ("a", "false", "1")), invoke("now")
    return [
        Case("one call", one("add", ("a", "false", "3"), ("b", "false", "0.5")), (call("add", a=3, b=0.5),)),
        Case("no arguments", write(now), (NOW,)),
        Case("two calls", write(add, now), (ADD, NOW)),
        Case("two blocks", f"{write(add)}\n{write(now)}", (ADD, NOW)),
        Case(
            "nested values and lists",
            one("plot", ("points", "false", "[[1, 2], []]"), ("style", "false", '{"x": {"y": null}}')),
            (call("plot", points=[[1, 2], []], style={"x": {"y": None}}),),
        ),
        Case(
            "unicode, quotes and line end",
            one("say", ("text", "true", 'Zürich 東京 "b"\n🎉')),
            (call("say", text='Zürich 東京 "b"\n🎉'),),
        ),
        Case("white space around a string", one("say", ("text", "true", "  x \n")), (call("say", text="  x \n"),)),
        Case("an empty string", one("say", ("text", "true", "")), (call("say", text=""),)),
        Case("a string that looks like a number", one("say", ("text", "true", "7")), (call("say", text="7"),)),
        Case(
            "true and null",
            one("set", ("on", "false", "true"), ("note", "false", "null")),
            (call("set", on=True, note=None),),
        ),
        Case("a number as a string", one("add", ("a", "true", "3")), (call("add", a="3"),)),
        Case("a string that is not marked as one", one("say", ("text", "false", "x y")), (call("say", text="x y"),)),
        Case("a number that is not marked as a string", one("say", ("text", "false", "5")), (call("say", text=5),)),
        Case(
            "a mark of thinking in a string",
            one("say", ("text", "true", "a </think> b")),
            (call("say", text="a </think> b"),),
        ),
        Case(
            "arguments in one parameter",
            one("add", ("arguments", "false", '{"a": 1}')),
            (call("add", arguments={"a": 1}),),
        ),
        Case("no call", "It is noon.", content="It is noon."),
        Case("content before the call", f"I add.\n\n{write(add)}", (ADD,), "I add."),
        Case("content after the call", f"{write(add)} Done.", (ADD,), "Done."),
        Case("thinking before the call", f"<think>Add.</think>\n\n{write(add)}", (ADD,), thinking="Add."),
        Case("a call in the thinking", f"<think>{write(now)}</think>{write(add)}", (ADD,), thinking=write(now)),
        Case(
            "without a schema",
            one("other", ("a", "false", "3"), ("text", "true", "3")),
            (call("other", a=3, text="3"),),
            tools=False,
        ),
        Case("the block is not closed", f"<{_D}{block}>\n{add}", problem="never closed"),
        Case(
            "the call is not closed", f'<{_D}{block}>\n<{_D}invoke name="now">\n</{_D}{block}>', problem="never closed"
        ),
        Case(
            "a parameter is not closed",
            write(f'<{_D}invoke name="add">\n<{_D}parameter name="a" string="false">1\n</{_D}invoke>\n'),
            problem="never closed",
        ),
        Case(
            "no `string`",
            write(f'<{_D}invoke name="add">\n<{_D}parameter name="a">1</{_D}parameter>\n</{_D}invoke>\n'),
            problem="between the parameters",
        ),
        Case("no block", add, content=add.strip(), problem="outside of its block"),
    ]


DEEPSEEK_V32 = _dsml_cases("function_calls")
DEEPSEEK_V4 = _dsml_cases("tool_calls")
