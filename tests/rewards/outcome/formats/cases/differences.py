"""Where a server reads a case differently, and why we keep our reading (vLLM 0.28.0, verl 0.9.1)."""

from __future__ import annotations

from tests.rewards.outcome.formats.cases.case import Difference


def ours(why: str) -> Difference:
    """The call is written as the model's template writes it, and the server loses or changes a part of it."""
    return Difference("ours", why)


def refused(why: str) -> Difference:
    """The call is not written as the format wants it; to us it is a problem, or nothing, on purpose."""
    return Difference("refused", why)


def servers(why: str) -> Difference:
    """Servers differ, and we follow another one (CallFormat.servers)."""
    return Difference("servers", why)


_HANDS_ON = refused("hands arguments that are not an object on to the tool")
_MENDS_END = refused("closes a call that the model has not closed")
_DROPS_PARAMETER = refused("drops the argument that is not closed, and runs the call without it")
_SWALLOWS = refused("takes the next parameter for a part of the value")
_ENDS_PARAMETER = refused("ends a parameter where the next one begins")
_EMPTY_NAME = refused("runs a call of a tool without a name")
_NOT_OFFERED = servers("drops calls of tools that are not offered; verl's loop answers them with an error")
_AS_TEXT = servers("keeps a value as text where no schema types it; verl's loop reads it as JSON")
_THOUGHT = {server: refused("runs a call that stands in the thinking") for server in ("vllm", "verl")}
_NO_LITERALS = servers("keeps a list that Python has written as text; verl's loop reads it")
_OUTSIDE = servers("runs a call that stands outside of a block; verl's loop does not")
_ANY_STRING = servers("reads a value as JSON even where the schema wants a string; vLLM's goes by the schema")

_VERL_JSON = {
    "white space around a string": {"verl": servers("strips a string; vLLM's keeps it as it is")},
    "a string that looks like JSON": {"verl": _ANY_STRING},
    "a string that looks like true": {"verl": _ANY_STRING},
    "a string that is null": {"verl": _ANY_STRING},
    "True as Python writes it": {"verl": servers("keeps `True` as text; vLLM's reads it as the schema says")},
    "without a schema": {"vllm": _AS_TEXT},
}

_DSML = {
    "a number as a string": {"vllm": refused("reads a number that is marked as a string by the schema")},
    "a number that is not marked as a string": {"vllm": refused("reads a number as a string by the schema")},
    "arguments in one parameter": {"vllm": refused("unwraps arguments that stand in one parameter")},
    "the block is not closed": {"vllm": _MENDS_END},
    "the call is not closed": {"vllm": _MENDS_END},
    "a parameter is not closed": {"vllm": _DROPS_PARAMETER},
    "no `string`": {"vllm": refused("drops a parameter without `string`, and runs the call without it")},
}

_SEVERAL_LINES = {"vllm": servers("drops a call whose arguments span lines; SGLang's reads it")}

_HAVE_BARE_VALUES = (
    "one call",
    "two calls",
    "nested values",
    "a list",
    "a list of lists",
    "a key in quotes",
    "true and null",
    "a bare word",
    "white space between arguments",
    "without a schema",
    "content before the call",
    "content after the call",
)
_NO_ESCAPE = {"vllm": ours("reads values in <escape> alone, so it drops numbers, words, lists and objects")}
_QUOTED_NUMBER = {"vllm": ours("reads a quoted number as a number")}

_POINT = {"vllm": ours("does not let names with points through, though the code behind reads them")}
_POSITIONAL = {"vllm": ours("wants named arguments; the schema's order tells what a positional one means")}

# format -> case -> server -> why
DIFFERENCES: dict[str, dict[str, dict[str, Difference]]] = {
    "gpt_oss": {
        "the prompt has the start": {
            "verl": ours("misses a first call, for its `<|start|>assistant` is in the prompt")
        },
        "the recipient before the channel": {"verl": ours("misses the recipient where the model's template puts it")},
        "no constraint": {"verl": servers("wants `<|constrain|>json`; vLLM's harmony parser does without")},
        "no closing mark": {"verl": servers("wants `<|call|>`; a server that stops there may drop it from the text")},
        "broken JSON": {"verl": _HANDS_ON},
    },
    "seed": {
        **_VERL_JSON,
        "two functions in one block": {"vllm": servers("runs every function of a block; verl's loop the first")},
        "a call in the thinking": _THOUGHT,
        "no tags around the function": {"vllm": _OUTSIDE},
        "the closing tag is missing": {"vllm": servers("runs a block that is not closed; verl's loop does not")},
        "the function is not closed": {"vllm": _MENDS_END},
        "a parameter is not closed": {"vllm": _ENDS_PARAMETER, "verl": _SWALLOWS},
    },
    "minimax": {
        **_VERL_JSON,
        "a call in the thinking": _THOUGHT,
        "a tool that is not offered": {"vllm": _NOT_OFFERED},
        "single quotes": {"vllm": servers("reads names in single quotes; verl's loop does not")},
        "the block is not closed": {"vllm": _MENDS_END},
        "the call is not closed": {"vllm": _MENDS_END},
        "a parameter is not closed": {"vllm": _DROPS_PARAMETER, "verl": _DROPS_PARAMETER},
        "no block": {"vllm": _OUTSIDE},
    },
    "kimi": {
        "a call in the thinking": _THOUGHT,
        "the bare name of a tool": {"vllm": servers("drops an id without a number; verl's loop runs it")},
        "a bare number": {"verl": refused("runs a tool with the number for its name")},
        "a point in place of the colon": {"verl": refused("looks for the tool whose name is a part of the id")},
        "no closing mark of the call": {"vllm": _MENDS_END},
        "broken JSON beside a good call": {
            "vllm": _HANDS_ON,
            "verl": refused("runs a call with broken arguments without any"),
        },
    },
    "deepseek_v32": _DSML,
    "deepseek_v4": {
        **_DSML,
        "a call in the thinking": _THOUGHT,
        "a parameter is not closed": {"vllm": _DROPS_PARAMETER, "verl": _DROPS_PARAMETER},
        "no `string`": {
            server: refused("drops a parameter without `string`, and runs the call without it")
            for server in ("vllm", "verl")
        },
    },
    "deepseek_v3": {
        "arguments over several lines": _SEVERAL_LINES,
        "broken JSON beside a good call": {"vllm": _HANDS_ON},
    },
    "deepseek_v31": {
        "arguments over several lines": _SEVERAL_LINES,
        "broken JSON beside a good call": {"vllm": _HANDS_ON},
        "no name": {"vllm": _EMPTY_NAME},
    },
    "gemma4": {
        "a call in the thinking": _THOUGHT,
        "nested values": {"verl": ours("tears an object at its first brace")},
        "a list": {
            "vllm": ours("keeps a bare number in a list as text, unless the schema types the items"),
            "verl": ours("tears a list at its first comma"),
        },
        "a list of lists": {
            "vllm": ours("keeps a bare number in a list as text, unless the schema types the items"),
            "verl": ours("tears a list at its first comma"),
        },
        "a key in quotes": {"verl": ours("tears an object at its first brace")},
        "unicode, quotes and line end": {"verl": ours("leaves the marks of quotes in a string of two lines")},
        "a number in quotes where one is due": {"vllm": refused("reads a quoted number as the schema says")},
        "a name with a point and a hyphen": {
            "vllm": ours("keeps a bare number as text where no schema types it"),
            "verl": ours("drops a call whose name has a point or a hyphen"),
        },
        "without a schema": {"vllm": ours("keeps bare numbers and words as text where no schema types them")},
        "no closing mark": {"vllm": _MENDS_END},
        "cut off in a string": {"vllm": _MENDS_END},
        "a closing mark in a string": {"vllm": ours("ends the call at a mark that stands in a string")},
        "no value": {
            server: refused("takes an argument without a value for an empty string") for server in ("vllm", "verl")
        },
        "no brace at the end": {"vllm": _MENDS_END},
    },
    "functiongemma": {
        **dict.fromkeys(_HAVE_BARE_VALUES, _NO_ESCAPE),
        "a number in quotes": _QUOTED_NUMBER,
        "a number in quotes where one is due": _QUOTED_NUMBER,
        "a name with a point and a hyphen": {"vllm": ours("drops a call whose name has a point or a hyphen")},
        "no closing mark": {"vllm": _MENDS_END},
        "cut off in a string": {"vllm": _MENDS_END},
        "no value": {"vllm": _DROPS_PARAMETER},
        "no brace at the end": {"vllm": _MENDS_END},
    },
    "glm": {
        **_VERL_JSON,
        "a call in the thinking": _THOUGHT,
        "a tool that is not offered": {"vllm": _NOT_OFFERED},
        "no closing mark": {"vllm": _MENDS_END},
        "no name": {"verl": _EMPTY_NAME},
        "a value is not closed": {"vllm": _DROPS_PARAMETER, "verl": _DROPS_PARAMETER},
        "a key is not closed": {"vllm": _DROPS_PARAMETER, "verl": _DROPS_PARAMETER},
        "JSON in the block": {"verl": refused("runs a tool with the JSON for its name")},
    },
    "olmo3": {
        "a dotted name": _POINT,
        "a positional argument": _POSITIONAL,
        "a call over several lines": {"vllm": ours("puts a comma in place of every line end, also inside of a call")},
    },
    "qwen3_coder": {
        "a call in the thinking": _THOUGHT,
        "a list as Python writes it": {"vllm": _NO_LITERALS},
        "a string that is null": {"verl": servers("reads `null` as null even for a string; vLLM's keeps it as text")},
        "no tags around the function": {"vllm": _OUTSIDE},
        "the opening tag is missing": {"vllm": _OUTSIDE},
        "a function behind the block": {"vllm": _OUTSIDE},
        "the function is not closed": {"vllm": _MENDS_END, "verl": _MENDS_END},
        "a parameter is not closed": {"vllm": _ENDS_PARAMETER, "verl": _SWALLOWS},
        "no name": {"verl": _EMPTY_NAME},
        "a parameter twice": {
            server: refused("takes the last of two parameters of one name") for server in ("vllm", "verl")
        },
    },
    "phi4_mini": {
        case: {"vllm": ours("ends the list at the first `]`, also inside of the arguments")}
        for case in ("nested values and lists", "brackets in a string")
    },
    "xlam": {
        "content after the list": {
            "vllm": refused("drops all calls where text follows them; to us it is a problem too")
        },
        "a list in <tool_call>": {"vllm": refused("also reads the tags of another format")},
        "a list behind [TOOL_CALLS]": {"vllm": refused("also reads the mark of another format")},
        "arguments as a text": {"vllm": refused("reads arguments from a JSON text in the JSON")},
    },
    "granite": {
        "content after the call": {
            "vllm": refused("drops all calls where text follows them; to us it is a problem too")
        },
        "a closing mark": {"vllm": refused("drops all calls where text follows them; to us it is a problem too")},
        "arguments as a text": {"vllm": _HANDS_ON},
    },
    "hermes": {
        "a call in the thinking": _THOUGHT,
        "no closing mark": {"vllm": servers("runs a last block that is not closed; verl's loop does not")},
        "a broken call beside a good one": {
            "vllm": servers("drops all calls where one is broken; verl's loop that one")
        },
        "arguments as a text": {"vllm": _HANDS_ON, "verl": _HANDS_ON},
    },
    "mistral": {
        "a call id": {"vllm": ours("takes [CALL_ID] and the id for a part of the name")},
        "two lists": {"vllm": refused("fails the request on a second mark; to us it is a problem too")},
        "a list, no arguments": {"vllm": refused("runs a call without `arguments` with none")},
        "a list, text before it": {"vllm": refused("looks for a list behind the text")},
        "neither a list nor a name": {"vllm": refused("takes prose behind the mark for a tool's name")},
        "broken JSON": {"vllm": _HANDS_ON},
    },
    "pythonic": {
        "a dotted name": _POINT,
        "a positional argument": _POSITIONAL,
        "line ends in the list": {
            "vllm": servers("wants no white space in front of the first call; SGLang's allows it")
        },
        "content after the list": {
            "vllm": refused("drops all calls where text follows them; to us it is a problem too")
        },
        "thinking before the list": {"vllm": servers("wants no line end before the list; SGLang's allows it")},
        "a broken call beside a good one": {
            "vllm": refused("drops all calls of a list where one is broken; to us that one is a problem")
        },
    },
    "llama3_json": {
        "a brace in the text behind the call": {"vllm": ours("drops all calls where a brace stands in the text")},
    },
}
