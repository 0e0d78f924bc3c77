"""BFCL for one checkpoint, end to end: resolve it, serve it, run the official bfcl-eval against it, and report.

recipes/eval_bfcl.sh calls this. bfcl-eval pins numpy 1.26 and has 40 more requirements, so it lives in an environment
of its own and is talked to by one script, inside_bfcl_eval.py.
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

from awpo_verl.workbench.bfcl import inside_bfcl_eval, records, report, server
from awpo_verl.workbench.bfcl.checkpoint import Checkpoint, CheckpointError, resolve_checkpoint
from awpo_verl.workbench.bfcl.records import MissingRunError
from awpo_verl.workbench.bfcl.server import ServerError

COMFORTABLE_CONTEXT = 16384  # tokens; first prompts go up to 9,300, and multi-turn goes on from 7,800
VENV_BYTES = 2 * 2**30  # 0.7 GiB installed, and what pip needs meanwhile


class EvaluationError(RuntimeError):
    """The evaluation cannot go on; the message says why and what to do."""


def parse_options() -> argparse.Namespace:
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
    asked = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
    try:
        sys.exit(evaluate(asked))
    except (CheckpointError, EvaluationError, MissingRunError, ServerError) as error:
        sys.exit(f"eval_bfcl: {error}")
    except KeyboardInterrupt:
        sys.exit("eval_bfcl: interrupted. The answers so far are kept; the same command goes on from there")


def evaluate(asked: argparse.Namespace) -> int:
    """Returns the exit code: 3 where entries are left without an answer."""
    baseline = records.load_saved_run(Path(asked.baseline)) if asked.baseline else None
    remote = asked.handler in inside_bfcl_eval.CHAT and bool(
        asked.base_url
    )  # then the model's files are not needed here
    checkpoint = Checkpoint(asked.model) if remote else resolve_checkpoint(asked.model, asked.out / "model")
    port = int(asked.port or server.find_free_port())
    check_requirements(asked, checkpoint, port)
    # vLLM shares its port with any other vLLM that asks for it (SO_REUSEPORT). Asked by a name of this run alone, the
    # other one refuses, and does not answer with another model.
    name = f"evaluated-{secrets.token_hex(4)}"
    serve = server.make_serve_command(checkpoint.model, name, port, asked.tp, shlex.split(asked.vllm_args))
    if asked.dry_run:
        url = asked.base_url or f"http://127.0.0.1:{port}/v1"
        commands = [] if is_installed(asked.bfcl_venv) else make_install_commands(asked.bfcl_venv, asked.requirements)
        commands += [command for command in (checkpoint.merge_command, [] if asked.base_url else serve) if command]
        commands.append(make_bfcl_command(asked, checkpoint, url, name, None))
        print("\n".join(shlex.join(map(str, command)) for command in commands))
        print(f"then: the table, {asked.out}/bfcl.md and {asked.out}/bfcl.json")
        return 0
    key = os.environ.get("OPENAI_API_KEY", "")
    served = server.describe_endpoint(asked.base_url, checkpoint.model, key) if asked.base_url else None
    (asked.out / "bfcl").mkdir(parents=True, exist_ok=True)
    settings = collect_settings(asked, checkpoint) | ({"served": served[0]} if served else {})
    claim_folder(asked.out, settings | {"stamp": checkpoint.stamp()})
    install_bfcl_eval(asked.bfcl_venv, asked.requirements)
    checkpoint.merge()
    start = time.monotonic()
    with open_endpoint(asked, served, serve, port, name) as (url, name, context):
        settings |= {"context": context}
        command = make_bfcl_command(asked, checkpoint, url, name, context)
        run_bfcl(command, asked.out / "bfcl.log")
    print(f"served, generated and evaluated in {time.monotonic() - start:.0f} s\n", file=sys.stderr)
    run = records.read_run(asked.out / "bfcl", settings)
    print(report.write_report(run, baseline, asked.out))
    return 3 if report.count_unanswered(run) else 0


def check_requirements(asked: argparse.Namespace, checkpoint: Checkpoint, port: int) -> None:
    """What would fail later, said now; what is only doubtful is a warning."""
    if not asked.base_url:
        if importlib.util.find_spec("vllm") is None:
            raise EvaluationError("vLLM is not installed in this environment; install it, or give BASE_URL")
        if not server.is_port_free(port):
            raise EvaluationError(f"PORT={port} is taken; give another, or none for a free one")
    needed = 0 if is_installed(asked.bfcl_venv) else VENV_BYTES
    if checkpoint.merge_command and checkpoint.shards:
        needed += sum(path.stat().st_size for path in checkpoint.shards.glob("model_world_size_*.pt"))
    place = next(parent for parent in (asked.out.resolve(), *asked.out.resolve().parents) if parent.exists())
    if (free := shutil.disk_usage(place).free) < needed:
        raise EvaluationError(f"{place} has {free / 2**30:.1f} GiB free; this needs about {needed / 2**30:.1f}")
    config = (checkpoint.shards / "huggingface" if checkpoint.shards else Path(checkpoint.model)) / "config.json"
    context = read_longest_context(config) if config.is_file() else None
    if context is not None and context < COMFORTABLE_CONTEXT and "--max-model-len" not in asked.vllm_args:
        warn(
            f"the model's context is {context} tokens. Many of BFCL's prompts are longer (multi-turn above all); those "
            "are counted as wrong, in the column `context`"
        )


def claim_folder(out: Path, settings: Mapping[str, object]) -> None:
    """OUT belongs to one model and one way to ask it: answers of two would be mixed without a word."""
    note = out / "run.json"
    mine = {key: value for key, value in settings.items() if key not in ("label", "categories", "limit")}
    if note.is_file():
        theirs = json.loads(note.read_text(encoding="utf-8"))
        other = [f"{key}: {theirs.get(key)!r} there, {mine[key]!r} now" for key in mine if mine[key] != theirs.get(key)]
        if other:
            raise EvaluationError(
                f"OUT={out} holds answers given otherwise; use another OUT or remove it.\n  " + "\n  ".join(other)
            )
    note.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")


def collect_settings(asked: argparse.Namespace, checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "label": asked.label or asked.model,
        "model": str(checkpoint.shards or checkpoint.model),
        "handler": asked.handler,
        "temperature": asked.temperature,
        "max_new_tokens": int(asked.max_new_tokens) if asked.max_new_tokens else None,
        "categories": asked.categories,
        "limit": asked.limit,
        "base_url": asked.base_url,
        "vllm_args": asked.vllm_args,
    }


@contextlib.contextmanager
def open_endpoint(
    asked: argparse.Namespace, served: tuple[str, int | None] | None, serve: list[str], port: int, name: str
) -> Iterator[tuple[str, str, int | None]]:
    """The base URL, the model's name there, and its context: of BASE_URL, which says `served`, or of our server."""
    if served:
        yield asked.base_url, *served
        return
    log = asked.out / "vllm.log"
    print(f"starting vLLM; its output goes to {log}", file=sys.stderr)
    with server.run_server(serve, port, log, asked.start_seconds) as url:
        found, context = server.describe_endpoint(url, name)
        if found != name:
            raise ServerError(f"another server answers at {url}: it serves {found}; give another PORT, or none")
        yield url, name, context


def make_bfcl_command(
    asked: argparse.Namespace, checkpoint: Checkpoint, url: str, name: str, context: int | None
) -> list[str]:
    command = [str(asked.bfcl_venv / "bin" / "python"), inside_bfcl_eval.__file__, "--root", str(asked.out / "bfcl")]
    command += ["--base-url", url, "--served-name", name, "--tokenizer", checkpoint.model]
    command += ["--handler", asked.handler, "--temperature", str(asked.temperature), "--threads", str(asked.threads)]
    command += ["--label", (asked.label or asked.model).replace(",", " "), "--limit", str(asked.limit)]
    command += ["--max-new-tokens", asked.max_new_tokens] if asked.max_new_tokens else []
    command += ["--context", str(context)] if context else []
    return [*command, "--categories", *asked.categories.replace(",", " ").split()]


def run_bfcl(command: list[str], log: Path) -> None:
    """Its progress stays on the terminal; what it prints an entry goes to the log."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    local = ",".join(filter(None, [environment.get("NO_PROXY", environment.get("no_proxy", "")), "127.0.0.1"]))
    environment |= {"NO_PROXY": local, "no_proxy": local, "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1"}
    print(f"running bfcl-eval; its output goes to {log}", file=sys.stderr)
    with log.open("ab") as output:
        done = subprocess.run(command, env=environment, stdout=output, check=False)
    if done.returncode == -signal.SIGINT:  # it heard of Ctrl-C first
        raise KeyboardInterrupt
    if done.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise EvaluationError(f"bfcl-eval ended with code {done.returncode}. The end of {log}:\n{tail}")


def is_installed(venv: Path) -> bool:
    """Whether bfcl-eval is installed there: by us to the end, or by the user."""
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
        warn(f"{requirements} is pinned for Python 3.11; this is {sys.version_info[0]}.{sys.version_info[1]}")
    print(f"installing bfcl-eval into {venv}, once (some minutes)", file=sys.stderr)
    create, pip = make_install_commands(venv, requirements)
    subprocess.run(create, check=True)
    (venv / ".made-by-awpo").touch()
    if subprocess.run(pip, check=False).returncode:
        raise EvaluationError(f"bfcl-eval could not be installed into {venv}; pip's output is above")
    (venv / ".ready").touch()


def read_longest_context(config: Path) -> int | None:
    """max_position_embeddings, of the model or of its text part."""
    found = json.loads(config.read_text(encoding="utf-8"))
    return found.get("max_position_embeddings") or found.get("text_config", {}).get("max_position_embeddings")


def warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
