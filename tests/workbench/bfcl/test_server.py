"""Which model an endpoint serves, and that it is the one that is to be evaluated."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.workbench.bfcl import evaluate
from awpo_verl.workbench.bfcl.server import ServerError, describe_endpoint, find_free_port


@contextlib.contextmanager
def endpoint(*models: dict[str, Any]) -> Iterator[str]:
    """An endpoint that only lists its models. Yields its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": models}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


BASE = {"id": "base", "root": "Qwen/Qwen3-4B", "max_model_len": 4096}
ADAPTER = {"id": "adapter", "root": "/somewhere/adapter", "max_model_len": 2048}


@pytest.mark.parametrize(
    ("models", "wanted", "found"),
    [
        ([BASE, ADAPTER], "adapter", ("adapter", 2048)),
        ([ADAPTER, BASE], "Qwen/Qwen3-4B", ("base", 4096)),
        ([BASE, BASE | {"id": "alias"}], "Qwen/Qwen3-4B", ("base", 4096)),
        ([BASE], "a/name-of-another-machine", ("base", 4096)),
        ([{"id": "unknown"}], "mine", ("unknown", None)),  # a server that is not vLLM
    ],
)
def test_the_model_is_found_by_its_name_or_by_where_it_came_from(
    models: list[dict[str, Any]], wanted: str, found: tuple[str, int | None]
) -> None:
    with endpoint(*models) as url:
        assert describe_endpoint(url, wanted) == found


def test_a_folder_inside_of_the_checkpoint_is_its_model_and_another_folder_is_not(tmp_path: Path) -> None:
    weights = tmp_path / "global_step_4/actor/huggingface"
    weights.mkdir(parents=True)
    (tmp_path / "global_step_5").mkdir()
    with endpoint({"id": "m", "root": str(weights)}) as url:
        assert describe_endpoint(url, str(tmp_path / "global_step_4")) == ("m", None)
        with pytest.raises(ServerError, match=r"serves m \(from .*global_step_4.*\); expected .*global_step_5"):
            describe_endpoint(url, str(tmp_path / "global_step_5"))


def test_with_several_models_none_replaces_the_missing_one() -> None:
    with endpoint(BASE, ADAPTER) as url, pytest.raises(ServerError, match=r"serves base .*, adapter .*; expected mine"):
        describe_endpoint(url, "mine")
    with endpoint() as url, pytest.raises(ServerError, match="serves nothing; expected mine"):
        describe_endpoint(url, "mine")


FAKE_VLLM = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": sys.argv[2], "root": "/m", "max_model_len": 64}]}).encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize("answers_as", ["evaluated-1", "evaluated-2"])
def test_our_server_is_known_by_its_name_and_another_at_its_port_is_refused(tmp_path: Path, answers_as: str) -> None:
    port = find_free_port()
    serve = [sys.executable, "-c", FAKE_VLLM, str(port), answers_as]
    ours = evaluate.open_endpoint(argparse.Namespace(out=tmp_path, start_seconds=60), None, serve, port, "evaluated-1")
    if answers_as == "evaluated-1":
        with ours as found:
            assert found == (f"http://127.0.0.1:{port}/v1", "evaluated-1", 64)
    else:
        with pytest.raises(ServerError, match=r"another server answers at .*: it serves evaluated-2"), ours:
            pass


def test_a_server_that_is_not_an_endpoint_is_named() -> None:
    with pytest.raises(ServerError, match="does not answer as an OpenAI endpoint does"):
        describe_endpoint("http://127.0.0.1:9/v1", "mine")
