"""A script inside bfcl-eval's own environment: register the served model, generate answers, and evaluate them.

It needs only bfcl-eval and the standard library. Generation and checkers are BFCL's own, with four additions:

- The model is registered under the name `evaluated`, with the handler of a model that BFCL knows. (BFCL turns the
  underscores of a name into slashes, and takes a name with FC in it for a function-calling model.)
- Handlers that write the prompt themselves compute the remaining tokens from the model's config. Here they use the
  server's context (--max-model-len), and --max-new-tokens limits every request.
- Entries whose request failed at the server are removed from the results before generation, so that a second run asks
  again. BFCL itself would keep the error as the answer.
- A checker that raises fails its entry and does not end the evaluation.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

NAME = "evaluated"
LIKE = {"qwen-fc": "Qwen/Qwen3-8B-FC", "qwen": "Qwen/Qwen3-8B"}  # our name -> BFCL's model that has this handler
CHAT = ("openai-fc", "openai")  # BFCL's handler for chat completions: with tools, or with the tools in the prompt
CRASHED = "checker:crashed"
_FAILED = "Error during inference:"
_TOO_LONG = re.compile(r"context length|maximum model length|max_model_len|longer than the maximum", re.IGNORECASE)
_FROM_SERVER = re.compile(r"^(openai|httpx|httpcore)\.\w+", re.MULTILINE)


def failure_kind(entry: dict[str, Any]) -> str:
    """Why a result has no answer of the model: "" (it has one), "context", "server", or "handler".

    context: the conversation outgrew the model's context. server: the request failed in another way, which says nothing
    about the model. handler: BFCL's handler raised on the model's reply.
    """
    result = entry["result"]
    if not (isinstance(result, str) and result.startswith(_FAILED)):
        return ""
    trace = entry.get("traceback", "")
    if not _FROM_SERVER.search(trace) and "Connection error" not in result:
        return "handler"
    return "context" if _TOO_LONG.search(result) else "server"


def pick_evenly(ids: list[str], limit: int) -> list[str]:
    """At most `limit` ids (0: all), evenly over the list. A multiple of a limit includes all ids of that limit."""
    if not 0 < limit < len(ids):
        return ids
    return [ids[i * len(ids) // limit] for i in range(limit)]


def forget_server_failures(results: Path) -> int:
    """Remove entries that failed at the server, and half-written lines, from the result files. Returns how many."""
    forgotten = 0
    for path in results.rglob("BFCL_v4_*_result.json"):
        lines = read_lines(path)
        kept = [line for line in lines if _whole(line) and failure_kind(json.loads(line)) != "server"]
        forgotten += len(lines) - len(kept)
        if not kept:
            path.unlink()
        elif len(kept) < len(lines):
            path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return forgotten


def read_lines(path: Path) -> list[str]:
    """The lines of a BFCL file. Its texts may contain U+2028, which does not end a line."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def make_served_handler(handler: type, context: int | None, max_new_tokens: int | None) -> type:
    """Make a handler with our server's context and a limit on new tokens."""

    def cap(create: Callable[..., Any], most: int) -> Callable[..., Any]:
        @wraps(create)
        def capped(**arguments: Any) -> Any:
            arguments["max_tokens"] = min(arguments.get("max_tokens") or most, most)
            return create(**arguments)

        return capped

    class Served(handler):
        def __init__(self, *positional: Any, **named: Any) -> None:
            super().__init__(*positional, **named)
            if max_new_tokens:
                for completions in (self.client.completions, self.client.chat.completions):
                    completions.create = cap(completions.create, max_new_tokens)

        if context:
            # BFCL sets it from the model's config; the property keeps the server's value.
            max_context_length = property(lambda self: context, lambda self, value: None)

    return Served


def register_model(options: argparse.Namespace) -> None:
    from bfcl_eval.constants.model_config import MODEL_CONFIG_MAPPING, ModelConfig
    from bfcl_eval.model_handler.api_inference.openai_completion import OpenAICompletionsHandler

    like = MODEL_CONFIG_MAPPING.get(LIKE.get(options.handler, options.handler))
    if options.handler in CHAT:  # with tools, BFCL sends dots in names as underscores, and its checker must know that
        fc = options.handler == "openai-fc"
        like = SimpleNamespace(model_handler=OpenAICompletionsHandler, is_fc_model=fc, underscore_to_dot=fc)
    if like is None:
        sys.exit(f"HANDLER={options.handler}: not one of {', '.join((*LIKE, *CHAT))}, nor a model that BFCL knows")
    MODEL_CONFIG_MAPPING[NAME] = ModelConfig(
        model_name=options.served_name,
        display_name=options.label,
        url="-",
        org="-",
        license="-",
        model_handler=make_served_handler(like.model_handler, options.context, options.max_new_tokens),  # pyright: ignore
        is_fc_model=like.is_fc_model,
        underscore_to_dot=like.underscore_to_dot,
    )


def send_key_when_waiting(key: str) -> None:
    """Add the key to BFCL's request that waits for the server; without it BFCL would wait forever."""
    import requests
    from bfcl_eval.model_handler.local_inference import base_oss_handler

    def get(url: str) -> requests.Response:
        return requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    base_oss_handler.requests = SimpleNamespace(get=get, exceptions=requests.exceptions)  # pyright: ignore


def select_ids(categories: list[str], limit: int) -> dict[str, list[str]]:
    """The ids to run, by category; `limit` for each (0: all)."""
    from bfcl_eval.utils import load_dataset_entry, parse_test_category_argument

    names = parse_test_category_argument(categories)
    return {name: pick_evenly([entry["id"] for entry in load_dataset_entry(name)], limit) for name in names}


def warn_of_long_prompts(selection: dict[str, list[str]], tokenizer_path: str, context: int) -> None:
    """Print how many entries cannot fit, by their function documents and first turn, without template and answer."""
    from bfcl_eval.utils import load_dataset_entry
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_path, trust_remote_code=True)
    for category, ids in selection.items():
        entries = [entry for entry in load_dataset_entry(category) if entry["id"] in set(ids)]
        texts = [json.dumps(entry["function"]) + json.dumps(entry["question"][0]) for entry in entries]
        lengths = [len(tokenizer.tokenize(text)) for text in texts]
        if too_long := sum(length > context for length in lengths):
            share = f"{too_long} of {len(lengths)} first prompts are longer than the context of {context} tokens"
            print(f"warning: {category}: {share} (longest {max(lengths)})", file=sys.stderr)


def generate_answers(selection: dict[str, list[str]], options: argparse.Namespace) -> None:
    from bfcl_eval import _llm_response_generation as generation
    from bfcl_eval.constants.eval_config import TEST_IDS_TO_GENERATE_PATH

    TEST_IDS_TO_GENERATE_PATH.write_text(json.dumps(selection), encoding="utf-8")
    generation.main(
        SimpleNamespace(
            model=[NAME],
            test_category=list(selection),
            run_ids=bool(options.limit),
            temperature=options.temperature,
            num_threads=options.threads,
            skip_server_setup=True,
            local_model_path=None,
            result_dir=None,
            allow_overwrite=False,
            include_input_log=False,
            exclude_state_log=True,
            num_gpus=1,
            gpu_memory_utilization=0.9,
            backend="vllm",
            lora_modules=None,
            enable_lora=False,
            max_lora_rank=None,
        )
    )


def evaluate_answers(categories: Iterable[str], scores: Path) -> None:
    from bfcl_eval.eval_checker import eval_runner

    def guarded(checker: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @wraps(checker)
        def check(*positional: Any, **named: Any) -> dict[str, Any]:
            try:
                return checker(*positional, **named)
            except Exception as error:  # noqa: BLE001  # whatever it is, the other entries must still be checked
                return {"valid": False, "error": [f"BFCL's checker raised {error!r}"], "error_type": CRASHED}

        return check

    for old in scores.rglob("BFCL_v4_*_score.json"):
        old.unlink()
    for name in ("ast_checker", "multi_turn_checker", "agentic_checker"):
        setattr(eval_runner, name, guarded(getattr(eval_runner, name)))
    try:
        eval_runner.main([NAME], list(categories), None, None, partial_eval=True)
    except statistics.StatisticsError:
        # BFCL's CSV files need two latencies; the categories' own score files are already written.
        print("BFCL's summary CSV files were not written: fewer than two requests were answered", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description="generate and evaluate inside bfcl-eval's environment")
    parser.add_argument("--root", type=Path, required=True, help="folder for result/ and score/")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--served-name", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--label", default="evaluated")
    parser.add_argument("--handler", required=True)
    parser.add_argument("--categories", nargs="+", required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--threads", type=int, default=100)
    parser.add_argument("--temperature", type=float, default=0.001)
    parser.add_argument("--max-new-tokens", type=int)
    parser.add_argument("--context", type=int)
    options = parser.parse_args()
    root = options.root.resolve()
    key = os.environ.get("OPENAI_API_KEY") or "EMPTY"
    os.environ |= {
        "BFCL_PROJECT_ROOT": str(root),  # read when bfcl_eval is imported
        "REMOTE_OPENAI_BASE_URL": options.base_url,
        "REMOTE_OPENAI_API_KEY": key,
        "REMOTE_OPENAI_TOKENIZER_PATH": options.tokenizer,
        "OPENAI_BASE_URL": options.base_url,
        "OPENAI_API_KEY": key,
    }
    register_model(options)
    send_key_when_waiting(key)
    selection = select_ids(options.categories, options.limit)
    note = {"bfcl_eval": version("bfcl-eval"), "selection": selection}
    (root / "selection.json").write_text(json.dumps(note), encoding="utf-8")
    if again := forget_server_failures(root / "result"):
        print(f"asking again: {again} entries whose request had failed at the server", file=sys.stderr)
    if options.context and options.handler not in CHAT:
        warn_of_long_prompts(selection, options.tokenizer, options.context)
    generate_answers(selection, options)
    evaluate_answers(selection, root / "score")


if __name__ == "__main__":
    main()
