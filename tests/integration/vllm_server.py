"""vLLM's own OpenAI-compatible server with a model of a local folder, on the CPU, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

START_SECONDS = 300  # 40 to 90 on two cores; most of it goes with imports, in three processes one after another
STOP_SECONDS = 30
STRUCTURED_OUTPUTS = '{"backend": "xgrammar", "disable_any_whitespace": true}'
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; the default takes half of the machine
    # One thread that may run on any core. By default vLLM pins its threads to the first cores, and a second vLLM
    # beside it (verl's rollouts) to the same ones.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}


@contextlib.contextmanager
def serve(model: Path, name: str, log: Path) -> Iterator[str]:
    """Serve the Hugging Face folder under this model name; yields the base URL. Its output goes to log.

    The module is what `vllm serve` runs; the command itself fails with the CPU build, since it asks for the version
    of a distribution called vllm. White space between JSON tokens is fixed: a random model may write nothing else.
    """
    port = free_port()
    command = [
        *[sys.executable, "-m", "vllm.entrypoints.openai.api_server"],
        *["--model", str(model), "--served-model-name", name, "--host", "127.0.0.1", "--port", str(port)],
        *["--enforce-eager", "--structured-outputs-config", STRUCTURED_OUTPUTS],
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until_healthy(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Raises RuntimeError with the end of the log if the server dies or takes too long."""
    end = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            time.sleep(0.5)
    reason = "took too long to start" if process.returncode is None else f"died with exit code {process.returncode}"
    tail = log.read_text(encoding="utf-8", errors="replace")[-5000:]
    raise RuntimeError(f"vLLM {reason}; the end of {log}:\n{tail}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, and then whatever is left of its process group: the engine may outlive the server."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
