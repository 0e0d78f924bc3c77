"""vLLM's own OpenAI-compatible server with a model of a local folder, on the CPU, for as long as a test needs it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from awpo_verl.workbench.bfcl import server
from tests.integration.verl_loop import EXECUTOR

START_SECONDS = 300  # 30 to 90 on two cores, mostly for imports, in two processes one after the other
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


def serve(model: Path, name: str, log: Path) -> AbstractContextManager[str]:
    """Serve a Hugging Face folder under a model name. Gives the base URL. The server's output goes to `log`.

    The grammar fixes the white space between JSON tokens, because a random model may write nothing else.
    """
    port = server.find_free_port()
    extra = ["--enforce-eager", "--structured-outputs-config", STRUCTURED_OUTPUTS]
    extra += ["--distributed-executor-backend", EXECUTOR]
    command = server.make_serve_command(str(model), name, port, 1, extra)
    return server.run_server(command, port, log, START_SECONDS, ENVIRONMENT)
