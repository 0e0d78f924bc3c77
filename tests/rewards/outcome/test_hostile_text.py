"""Whatever the model writes: no exception escapes, and the time stays a small multiple of json.loads's."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.config import OutcomeConfig
from awpo_verl.rewards.outcome import Response, check_outcome, read_target
from awpo_verl.rewards.outcome.calls import MAX_CALLS
from awpo_verl.rewards.outcome.formats import AUTO, FORMATS
from tests.paths import ROOT
from tests.rewards.outcome.calls import BOTH, call, tool

_DEEP = {"anyOf": [{"type": "array", "items": {"$ref": "#/properties/d"}, "minItems": n} for n in (3, 2, 1)]}
TOOLS = json.dumps(
    [
        tool(
            "f",
            a="integer",
            b={"type": "array", "uniqueItems": True},
            c={"type": "string", "pattern": "^(a|a)*$"},
            d=_DEEP,
        )
    ]
)  # as text, as in a row: it is read once
TRUTH = {"tool_calls": [call("f", a=1), call("f", a={"$any": [1, 2]}), call("g", b=["x"])]}
TARGET = read_target(TRUTH, TOOLS)
SIZE = 65_536
CALL_FORMATS = (AUTO, *FORMATS)

PIECES = [
    *("<think>", "</think>", "[THINK]", "[/THINK]", "<tool_call>", "</tool_call>", "<response>", "</response>"),
    *("<function=f>", "</function>", "<parameter=a>", "</parameter>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"),
    *("<|channel|>", "analysis", "commentary to=functions.f", "<|message|>", "<|call|>", "<|end|>", "<|start|>"),
    *("<seed:tool_call>", "<minimax:tool_call>", '<invoke name="f">', '<parameter name="a">', "</invoke>"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<function_calls>", "</function_calls>", "functools["),
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"),
    *(
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "<｜DSML｜tool_calls>",
    ),
    *("<|tool_call>", "call:f{", '<|"|>', "<tool_call|>", "<start_function_call>", "<escape>", "<|tool_call|>"),
    *("<|python_tag|>", "<|python_start|>", "<|python_end|>", ";"),
    *('{"name": "f", "arguments": {"a": 1}}', '{"name": "f"', '"parameters": ', "f(a=1)", "[f(", "a=", '"a": '),
    *("{", "}", "[", "]", "(", ")", ",", ":", "=", '"', "'", "\\", "-", "9" * 40, "1e9", "1e999", "NaN", "null"),
    *("\ud800", "\\ud800", "\x00", "\n", " ", "\u2028", "é", "x", "__import__('os')", "%s%n", "{0.__class__}"),
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=60).map("".join)


@pytest.mark.parametrize("match", ["exact", "graded"])
@pytest.mark.parametrize("format", CALL_FORMATS)
@given(text=texts)
def test_any_text_is_read_and_scored(format: str, match: str, text: str) -> None:
    outcome_check = check_outcome(text, TARGET, OutcomeConfig(format=format, strings="normalized"))
    assert 0.0 <= outcome_check.outcome(match) <= 1.0
    assert len(outcome_check.response.calls) <= MAX_CALLS
    assert all(0.0 <= value <= MAX_CALLS for value in outcome_check.as_info().values())
    assert _is_plain(outcome_check.response)


def _is_plain(response: Response) -> bool:
    return all(
        isinstance(made.name, str) and json.loads(json.dumps(made.arguments, allow_nan=False)) == made.arguments
        for made in response.calls
    )


def _fill(piece: str, around: Callable[[str], str] = lambda body: body) -> str:
    return around((piece * (SIZE // len(piece) + 1))[:SIZE])


HOSTILE: dict[str, str] = {
    "one long string": _fill(
        "x", lambda body: f'<tool_call>{{"name": "f", "arguments": {{"a": "{body}"}}}}</tool_call>'
    ),
    "deep lists": _fill("[", lambda body: f'<tool_call>{{"name": "f", "arguments": {body}'),
    "deep objects": _fill('{"a":', lambda body: f"<tool_call>{body}"),
    "deep objects on lines": _fill('{"a":\n'),
    "deep calls": _fill("[f(a=", lambda body: f"{body}\n"),
    "deep calls on lines": _fill("[f(a=\n"),
    "many digits": _fill("9", lambda body: f"[f(a={body})]\n{body}"),
    "digits and a letter": _fill("9", lambda body: f"[f(a={body}x)]"),
    "blank headers": (" " * 1000 + "<|message|><|end|>") * 64,
    "blank recipients": ("<|channel|>analysis" + " " * 900 + "x<|message|><|end|>") * 64,
    "many small lists": _fill("[1],", lambda body: f"[f(a=[{body}1])]"),
    "many small values": _fill(
        "1,", lambda body: f'<tool_call>{{"name": "f", "arguments": {{"b": [{body}1]}}}}</tool_call>'
    ),
    "mixed values": _fill(
        '1,"a",[],', lambda b: f'<tool_call>{{"name": "f", "arguments": {{"b": [{b}1]}}}}</tool_call>'
    ),
    "open quotes": _fill("\"'", lambda body: f"[f(a={body}"),
    "open triple quotes": _fill('"""a', lambda body: f"[f(a={body}"),
    "backslashes": _fill("\\", lambda body: f'[f(a="{body}'),
    "escapes": _fill("\\u0041", lambda body: f'[f(a="{body}")]'),
    "open thinking": _fill("<think>"),
    "thoughts": _fill("<think></think>"),
    "closed thinking": _fill("</think>"),
    "open blocks": _fill("<tool_call>"),
    "closed blocks": _fill("</tool_call>"),
    "empty blocks": _fill("<tool_call></tool_call>"),
    "small blocks": _fill('<tool_call>{"name":"f"}</tool_call>'),
    "equal calls": _fill(
        '<tool_call>{"name":"f","arguments":{"a":2,"c":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}}</tool_call>'
    ),
    "bare calls": _fill('{"name":"f","parameters":{}};'),
    "bare objects": _fill("{}\n"),
    "open parameters": _fill("<parameter=a>", lambda body: f"<tool_call><function=f>{body}</function></tool_call>"),
    "parameters": _fill("<parameter=a></parameter>", lambda b: f"<tool_call><function=f>{b}</function></tool_call>"),
    "marks": _fill("[TOOL_CALLS]"),
    "marked names": _fill("[TOOL_CALLS]f"),
    "marked calls": _fill("[TOOL_CALLS]f{}"),
    "messages": _fill("<|message|>"),
    "channels": _fill("<|channel|>"),
    "open calls": _fill("<|channel|>commentary to=functions.f<|message|>{"),
    "recipients": _fill("to=functions.", lambda body: f"<|channel|>{body}<|message|>{{}}<|call|>"),
    "line ends": _fill("\n", lambda body: f"{body}[f(a=1)]"),
    "blanks": _fill(" "),
    "leading blanks": _fill(" ", lambda body: f"[{body}f(a=1)]"),
    "blank lines": _fill("  \n"),
    "empty lists": _fill("[TOOL_CALLS][]"),
    "lines of thinking": _fill("<think></think>\n"),
    "open objects": _fill('{"name":'),
    "deep items": f'<tool_call>{{"name": "f", "arguments": {{"d": {"[" * 28}{"]" * 28}}}}}</tool_call>',
    "indented brackets": _fill(" [\n"),
    "semicolons": _fill(";"),
    "commas": _fill(",", lambda body: f"[f(a=[{body}])]"),
    "names": _fill("a.", lambda body: f"[{body}f(a=1)]"),
    "open sections": _fill("<|tool_calls_section_begin|>"),
    "open calls of kimi": _fill("<|tool_call_begin|>", lambda body: f"<|tool_calls_section_begin|>{body}"),
    "calls of kimi": _fill(
        "<|tool_call_begin|>f:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
        lambda body: f"<|tool_calls_section_begin|>{body}",
    ),
    "calls of deepseek": _fill(
        "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>", lambda body: f"<｜tool▁calls▁begin｜>{body}"
    ),
    "open fences": _fill("\n```json\n", lambda body: f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function{body}"),
    "open invokes": _fill('<invoke name="f">', lambda body: f"<minimax:tool_call>{body}</minimax:tool_call>"),
    "open pairs": _fill("<arg_key>a</arg_key>", lambda body: f"<tool_call>f{body}</tool_call>"),
    "pairs": _fill("<arg_key>a</arg_key><arg_value>1</arg_value>", lambda body: f"<tool_call>f{body}</tool_call>"),
    "open values of gemma": _fill("a:{", lambda body: f"<|tool_call>call:f{{{body}"),
    "deep values of gemma": _fill("a:{", lambda body: f"<|tool_call>call:f{{{body}<tool_call|>"),
    "quotes of gemma": _fill('<|"|>', lambda body: f"<|tool_call>call:f{{a:{body}<tool_call|>"),
    "ends of gemma in quotes": _fill("<tool_call|>", lambda body: f'<|tool_call>call:f{{a:<|"|>{body}<|"|>'),
    "lines of olmo": _fill("f(a=1)\n", lambda body: f"<function_calls>{body}</function_calls>"),
    "prefixes of phi": _fill("functools["),
    "fences": _fill("```json\n[{"),
    "signs": _fill("-", lambda body: f"[f(a={body}1)]"),
}
PLAIN = (
    json.dumps([call("f", a=i, b=["x", "y"], c="some text") for i in range(1000)])[:SIZE].rpartition(', {"name"')[0]
    + "]"
)


LIMIT = 30


@pytest.mark.parametrize("format", CALL_FORMATS)
def test_no_text_of_64_kb_takes_long(format: str) -> None:
    config = OutcomeConfig(format=format, strings="normalized")
    for name, text in HOSTILE.items():
        # other work on the machine only ever adds: what is over the limit is measured again
        ratio = next((r for _ in range(4) if (r := _ratio(text, config)) < LIMIT), LIMIT)
        assert ratio < LIMIT, f"{name}: {LIMIT} times json.loads of plain JSON of that size, or more"


def _ratio(text: str, config: OutcomeConfig) -> float:
    """Time to check a text over the time of json.loads of plain JSON of its size, the best of three in turn."""
    ours, plain = [], []
    for _ in range(3):
        plain.append(_seconds(lambda: json.loads(PLAIN)))
        ours.append(_seconds(lambda: check_outcome(text, TARGET, config)))
    return min(ours) / min(plain)


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def test_fuzzing_guided_by_coverage_finds_no_text_that_raises(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for index, (format, text) in enumerate(itertools.product(range(len(CALL_FORMATS)), BOTH.values())):
        (corpus / str(index)).write_bytes(bytes([format]) + text.encode())
    command = [
        sys.executable,
        "-m",
        "tests.rewards.outcome.fuzz_parsers",
        "-runs=8000",
        "-max_len=2048",
        "-seed=1",
        str(corpus),
    ]
    root = ROOT
    done = subprocess.run(command, cwd=root, text=True, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    runs = re.search(r"Done (\d+) runs", done.stdout + done.stderr)  # it may end its last round of mutations
    assert runs is not None
    assert int(runs[1]) >= 8000
