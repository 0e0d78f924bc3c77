"""Evaluate one checkpoint with BFCL: find the model, serve it, run the official bfcl-eval, and report.

recipes/eval_bfcl.sh calls this. bfcl-eval pins numpy 1.26 and has 40 more requirements, so it has its own environment.
One script runs there: inside_bfcl_eval.py.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from awpo_verl.workbench.bfcl import entries, inside_bfcl_eval, report, server
from awpo_verl.workbench.bfcl.checkpoint import Checkpoint, CheckpointError, resolve_checkpoint
from awpo_verl.workbench.bfcl.entries import MissingRunError
from awpo_verl.workbench.bfcl.server import ServerError

COMFORTABLE_CONTEXT = 16384  # tokens; first prompts have up to 9,300, multi-turn conversations start at up to 7,800
VENV_BYTES = 2 * 2**30  # 0.7 GiB installed, and pip's temporary files


class EvaluationError(RuntimeError):
    """The evaluation cannot go on. The message says why and what to do."""


def parse_options() -> argparse.Namespace:
    """The command line, as recipes/eval_bfcl.sh writes it."""
    parser = argparse.ArgumentParser(description="evaluate a checkpoint with BFCL; see docs/evaluation.md")
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--baseline", default="")
    parser.add_argument("--label", default="")
    parser.add_argument("--categories", required=True, help="separated by blanks or commas")
    parser.add_argument("--limit", type=int, default=0, help="entries a category; 0: all")
    parser.add_argument("--handler", required=True)
    parser.add_argument("--temperature", type=float, required=True)
    parser.add_argument("--max-new-tokens", default="")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--base-url", default="")
    parser.add_argument("--port", default="")
    parser.add_argument("--tp", type=int, default=1)
    parser.add_argument("--vllm-args", default="")
    parser.add_argument("--start-seconds", type=float, required=True)
    parser.add_argument("--bfcl-venv", type=Path, required=True)
    parser.add_argument("--requirements", type=Path, required=True)
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore SIGINT for background processes
    try:
        sys.exit(evaluate(options))
    except (CheckpointError, EvaluationError, MissingRunError, ServerError) as error:
        sys.exit(f"eval_bfcl: {error}")
    except KeyboardInterrupt:
        sys.exit("eval_bfcl: interrupted. The answers so far are kept; the same command continues")


def evaluate(options: argparse.Namespace) -> int:
    """Run the evaluation. Returns the exit code: 3 if entries have no answer, else 0."""
    baseline = entries.load_saved_run(Path(options.baseline)) if options.baseline else None
    remote = options.handler in inside_bfcl_eval.CHAT and bool(
        options.base_url
    )  # then the model's files are not needed here
    checkpoint = Checkpoint(options.model) if remote else resolve_checkpoint(options.model, options.out / "model")
    port = int(options.port or server.find_free_port())
    check_requirements(options, checkpoint, port)
    # Two vLLMs can listen at the same port (SO_REUSEPORT). With a name that only this run uses, another vLLM refuses a
    # request instead of answering it with another model.
    name = f"evaluated-{secrets.token_hex(4)}"
    serve = server.make_serve_command(checkpoint.model, name, port, options.tp, shlex.split(options.vllm_args))
    if options.dry_run:
        url = options.base_url or f"http://127.0.0.1:{port}/v1"
        commands = (
            [] if is_installed(options.bfcl_venv) else make_install_commands(options.bfcl_venv, options.requirements)
        )
        commands += [command for command in (checkpoint.merge_command, [] if options.base_url else serve) if command]
        commands.append(make_bfcl_command(options, checkpoint, url, name, None))
        print("\n".join(shlex.join(map(str, command)) for command in commands))
        print(f"then: the table, {options.out}/bfcl.md and {options.out}/bfcl.json")
        return 0
    key = os.environ.get("OPENAI_API_KEY", "")
    served = server.describe_endpoint(options.base_url, checkpoint.model, key) if options.base_url else None
    (options.out / "bfcl").mkdir(parents=True, exist_ok=True)
    settings = collect_settings(options, checkpoint) | ({"served": served[0]} if served else {})
    claim_folder(options.out, settings | {"stamp": checkpoint.stamp()})
    install_bfcl_eval(options.bfcl_venv, options.requirements)
    checkpoint.merge()
    start = time.monotonic()
    with open_endpoint(options, served, serve, port, name) as (url, name, context):
        settings |= {"context": context}
        command = make_bfcl_command(options, checkpoint, url, name, context)
        run_bfcl(command, options.out / "bfcl.log")
    print(f"served, generated and evaluated in {time.monotonic() - start:.0f} s\n", file=sys.stderr)
    run = entries.read_run(options.out / "bfcl", settings)
    print(report.write_report(run, baseline, options.out))
    return 3 if report.count_unanswered(run) else 0


def check_requirements(options: argparse.Namespace, checkpoint: Checkpoint, port: int) -> None:
    """Raise EvaluationError now for what would fail later; warn about a short context."""
    if not options.base_url:
        if importlib.util.find_spec("vllm") is None:
            raise EvaluationError("vLLM is not installed in this environment; install it, or set BASE_URL")
        if not server.is_port_free(port):
            raise EvaluationError(f"PORT={port} is in use; set another, or none for a free one")
    needed = 0 if is_installed(options.bfcl_venv) else VENV_BYTES
    if checkpoint.merge_command and checkpoint.shards:
        needed += sum(path.stat().st_size for path in checkpoint.shards.glob("model_world_size_*.pt"))
    place = next(parent for parent in (options.out.resolve(), *options.out.resolve().parents) if parent.exists())
    if (free := shutil.disk_usage(place).free) < needed:
        raise EvaluationError(f"{place} has {free / 2**30:.1f} GiB free; this needs about {needed / 2**30:.1f}")
    config = (checkpoint.shards / "huggingface" if checkpoint.shards else Path(checkpoint.model)) / "config.json"
    context = read_longest_context(config) if config.is_file() else None
    if context is not None and context < COMFORTABLE_CONTEXT and "--max-model-len" not in options.vllm_args:
        print_warning(
            f"the model's context is {context} tokens. Many of BFCL's prompts are longer, above all multi-turn ones; "
            "they count as wrong, in the column `context`"
        )


def claim_folder(out: Path, settings: Mapping[str, object]) -> None:
    """Reserve OUT for one model and one set of settings, so that answers are not mixed. Raises EvaluationError."""
    note = out / "run.json"
    mine = {key: value for key, value in settings.items() if key not in ("label", "categories", "limit")}
    if note.is_file():
        theirs = json.loads(note.read_text(encoding="utf-8"))
        other = [f"{key}: {theirs.get(key)!r} there, {mine[key]!r} now" for key in mine if mine[key] != theirs.get(key)]
        if other:
            raise EvaluationError(
                f"OUT={out} holds answers of other settings; use another OUT or remove it.\n  " + "\n  ".join(other)
            )
    note.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")


def collect_settings(options: argparse.Namespace, checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "label": options.label or options.model,
        "model": str(checkpoint.shards or checkpoint.model),
        "handler": options.handler,
        "temperature": options.temperature,
        "max_new_tokens": int(options.max_new_tokens) if options.max_new_tokens else None,
        "categories": options.categories,
        "limit": options.limit,
        "base_url": options.base_url,
        "vllm_args": options.vllm_args,
    }


@contextlib.contextmanager
def open_endpoint(
    options: argparse.Namespace, served: tuple[str, int | None] | None, serve: list[str], port: int, name: str
) -> Iterator[tuple[str, str, int | None]]:
    """The base URL, the model's name there, and its context in tokens.

    Args:
        served: name and context at BASE_URL; None to start a vLLM with the command `serve`.
    """
    if served:
        yield options.base_url, *served
        return
    log = options.out / "vllm.log"
    print(f"starting vLLM; its output goes to {log}", file=sys.stderr)
    with server.run_server(serve, port, log, options.start_seconds) as url:
        found, context = server.describe_endpoint(url, name)
        if found != name:
            raise ServerError(f"another server answers at {url}: it serves {found}; give another PORT, or none")
        yield url, name, context


def make_bfcl_command(
    options: argparse.Namespace, checkpoint: Checkpoint, url: str, name: str, context: int | None
) -> list[str]:
    command = [
        str(options.bfcl_venv / "bin" / "python"),
        inside_bfcl_eval.__file__,
        "--root",
        str(options.out / "bfcl"),
    ]
    command += ["--base-url", url, "--served-name", name, "--tokenizer", checkpoint.model]
    command += [
        "--handler",
        options.handler,
        "--temperature",
        str(options.temperature),
        "--threads",
        str(options.threads),
    ]
    command += ["--label", (options.label or options.model).replace(",", " "), "--limit", str(options.limit)]
    command += ["--max-new-tokens", options.max_new_tokens] if options.max_new_tokens else []
    command += ["--context", str(context)] if context else []
    return [*command, "--categories", *options.categories.replace(",", " ").split()]


def run_bfcl(command: list[str], log: Path) -> None:
    """Run bfcl-eval: its progress goes to the terminal, its output for each entry to the log."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    local = ",".join(filter(None, [environment.get("NO_PROXY", environment.get("no_proxy", "")), "127.0.0.1"]))
    environment |= {"NO_PROXY": local, "no_proxy": local, "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1"}
    print(f"running bfcl-eval; its output goes to {log}", file=sys.stderr)
    with log.open("ab") as output:
        done = subprocess.run(command, env=environment, stdout=output, check=False)
    if done.returncode == -signal.SIGINT:  # it got Ctrl-C first
        raise KeyboardInterrupt
    if done.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise EvaluationError(f"bfcl-eval ended with code {done.returncode}. The end of {log}:\n{tail}")


def is_installed(venv: Path) -> bool:
    """Whether bfcl-eval is installed there completely: by this script, or by the user."""
    if not (venv / "bin" / "python").is_file():
        return False
    made_here = (venv / ".made-by-awpo").exists()
    return (venv / ".ready").exists() if made_here else any(venv.glob("lib/python*/site-packages/bfcl_eval"))


def make_install_commands(venv: Path, requirements: Path) -> list[list[str]]:
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)]
    return [[sys.executable, "-m", "venv", str(venv)], pip]


def install_bfcl_eval(venv: Path, requirements: Path) -> None:
    if is_installed(venv):
        return
    if sys.version_info[:2] != (3, 11):
        print_warning(f"{requirements} is pinned for Python 3.11; this is {sys.version_info[0]}.{sys.version_info[1]}")
    print(f"installing bfcl-eval into {venv}, once (some minutes)", file=sys.stderr)
    create, pip = make_install_commands(venv, requirements)
    subprocess.run(create, check=True)
    (venv / ".made-by-awpo").touch()
    if subprocess.run(pip, check=False).returncode:
        raise EvaluationError(f"bfcl-eval could not be installed into {venv}; pip's output is above")
    (venv / ".ready").touch()


def read_longest_context(config: Path) -> int | None:
    """max_position_embeddings of the model or of its text part."""
    found = json.loads(config.read_text(encoding="utf-8"))
    return found.get("max_position_embeddings") or found.get("text_config", {}).get("max_position_embeddings")


def print_warning(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
