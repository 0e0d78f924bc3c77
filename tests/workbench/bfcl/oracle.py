"""An OpenAI completions endpoint that knows BFCL's answers: what a perfect model, and a failing server, would send.

It reads the prompt of BFCL's Qwen handler as a model would: the entry is found by its first question, the turn by the
number of questions.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CATEGORIES = ("simple_python", "irrelevance", "multi_turn_base")
TOO_LONG = "This model's maximum context length is 100 tokens. However, your prompt contains 200."
_QUESTION = re.compile(r"<\|im_start\|>user\n(?!<tool_response>)(.*?)<\|im_end\|>", re.DOTALL)


class Oracle:
    """`behave` maps an id to what happens instead of the right answer: "down", "long", or the text of an answer."""

    def __init__(self, data: Path, behave: dict[str, str]) -> None:
        self.behave = behave
        self.asked: list[str] = []
        self._answers: dict[str, list[Any]] = {}
        self._ids: dict[str, str] = {}
        for category in CATEGORIES:
            for entry in _lines(data / f"BFCL_v4_{category}.json"):
                self._ids[entry["question"][0][-1]["content"]] = entry["id"]
            answers = data / f"possible_answer/BFCL_v4_{category}.json"
            for entry in _lines(answers) if answers.is_file() else []:
                self._answers[entry["id"]] = entry["ground_truth"]

    def answer(self, prompt: str) -> tuple[int, str]:
        """The HTTP status and the text."""
        questions = _QUESTION.findall(prompt)
        id = self._ids[questions[0]]
        self.asked.append(id)
        behaviour = self.behave.get(id, "")
        if behaviour == "down":
            return 500, "the engine is dead"
        if behaviour == "long":
            return 400, TOO_LONG
        if behaviour:
            return 200, behaviour
        if id.startswith("irrelevance"):
            return 200, "None of the functions can do that."
        if not id.startswith("multi_turn"):
            return 200, "\n".join(call(*next(iter(item.items()))) for item in map(_first, self._answers[id]))
        if prompt.rstrip().removesuffix("<|im_start|>assistant").rstrip().endswith("</tool_response><|im_end|>"):
            return 200, "Done."
        calls = self._answers[id][len(questions) - 1]
        return 200, "\n".join(_from_python(text, prompt) for text in calls) or "Nothing to do."


def call(name: str, arguments: dict[str, Any]) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


@contextlib.contextmanager
def serve(oracle: Oracle) -> Iterator[str]:
    """Yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, {"data": [{"id": "oracle", "max_model_len": 100_000}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, text = oracle.answer(body["prompt"])
            if status != 200:
                return self._send(status, {"error": {"message": text}})
            usage = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
            choice = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
            head = {"id": "1", "object": "text_completion", "created": 0, "model": "oracle"}
            return self._send(200, head | {"choices": [choice], "usage": usage})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _first(answer: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, Any]]:
    """The first accepted value of each argument. "" says that it may be left out where it is not required."""
    return {name: {key: next(v for v in values if v != "") for key, values in a.items()} for name, a in answer.items()}


def _from_python(text: str, prompt: str) -> str:
    """BFCL's multi-turn answers are Python; positional arguments are named by the function's document in the prompt."""
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    name = ast.unparse(node.func)
    document = next(tool for tool in _tools(prompt) if tool["name"] == name)
    given = [*zip(document["parameters"]["properties"], node.args, strict=False)]
    given += [(keyword.arg, keyword.value) for keyword in node.keywords]
    return call(name, {key: ast.literal_eval(value) for key, value in given})


def _tools(prompt: str) -> list[dict[str, Any]]:
    inside = prompt.split("<tools>\n", 1)[1].split("\n</tools>", 1)[0]
    return [json.loads(line) for line in inside.splitlines()]
