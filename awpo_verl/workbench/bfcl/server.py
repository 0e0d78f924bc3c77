"""vLLM's OpenAI server for one checkpoint, for as long as an evaluation needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

_STOP_SECONDS = 60


class ServerError(RuntimeError):
    """The server did not start, or serves another model. The message says which, or has the end of its log."""


def make_serve_command(model: str, name: str, port: int, tp: int, extra: list[str]) -> list[str]:
    """The command behind `vllm serve`, which fails with the CPU build because its distribution has another name.

    Args:
        name: the model's name at the endpoint. tp: GPUs that share the model. extra: more arguments for vLLM.
    """
    return [
        *[sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--served-model-name", name],
        *["--host", "127.0.0.1", "--port", str(port), "--tensor-parallel-size", str(tp), *extra],
    ]


def find_free_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_port_free(port: int) -> bool:
    """Whether nothing on this machine uses the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def run_server(
    arguments: list[str], port: int, log: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run the server for the time of the block, and yield its base URL.

    Args:
        log: the file for the server's output.
        seconds: the longest start.
        environment: variables for the server, on top of this process's.

    Raises:
        ServerError: the server is not healthy in time.
    """
    variables = os.environ | dict(environment or {})
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log, seconds)
        yield f"http://127.0.0.1:{port}/v1"
        if process.poll() is not None:
            print(f"vLLM has ended with exit code {process.returncode}. {_tail(log)}", file=sys.stderr)
    finally:
        stop_server(process)


def describe_endpoint(base_url: str, wanted: str, key: str = "") -> tuple[str, int | None]:
    """The model's name at this endpoint, and its longest context in tokens if the server names it (vLLM does).

    Args:
        wanted: the model's name there, or the folder or hub id that it was loaded from. If the endpoint serves a single
            model, that is taken for the wanted one, unless it comes from another folder of this machine.

    Raises:
        ServerError: it does not answer, or serves other models.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{base_url.rstrip('/')}/models", headers=headers, timeout=30)
        answer.raise_for_status()
        models = {model["id"]: model for model in answer.json()["data"]}
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        raise ServerError(f"{base_url}/models does not answer as an OpenAI endpoint does: {error!r}") from error
    name = _the_model(models, wanted)
    if name is None:
        there = ", ".join(f"{name} (from {model.get('root')})" for name, model in models.items())
        raise ServerError(f"{base_url} serves {there or 'nothing'}; expected {wanted}")
    return name, models[name].get("max_model_len")


def _the_model(models: Mapping[str, Mapping[str, Any]], wanted: str) -> str | None:
    """The name of the wanted model among the served ones; None if it is not there."""
    if wanted in models:
        return wanted
    roots = {name: model["root"] for name, model in models.items() if isinstance(model.get("root"), str)}
    for name, root in roots.items():
        if root == wanted or Path(root).resolve().is_relative_to(Path(wanted).resolve()):
            return name
    if len(models) != 1:
        return None
    (name,) = models
    elsewhere = name in roots and Path(roots[name]).is_dir() and Path(wanted).is_dir()
    return None if elsewhere else name


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End the server, then its process group: vLLM's engine may outlive the server."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            time.sleep(0.5)
    ended = process.returncode is not None
    reason = f"ended with exit code {process.returncode}" if ended else f"was not healthy after {seconds:.0f} s"
    raise ServerError(f"vLLM {reason}. {_tail(log)}")


def _tail(log: Path) -> str:
    return f"The end of {log}:\n{log.read_text(encoding='utf-8', errors='replace')[-4000:]}"
