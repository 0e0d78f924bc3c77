"""BFCL's own data, decoding and checker, loaded into this process from a folder with bfcl-eval.

    pip install --no-deps --target .cache/bfcl bfcl-eval==2026.3.23

BFCL's ast_checker and multi-turn classes need none of its 40 dependencies; the modules that would import them are
replaced by empty ones. The data is BFCL's (Apache-2.0) and stays in its package.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

CATEGORIES = tuple(
    f"{live}{kind}"
    for live, kinds in (
        ("", ("simple_python", "multiple", "parallel", "parallel_multiple")),
        ("live_", ("simple", "multiple", "parallel", "parallel_multiple")),
    )
    for kind in kinds
)
VERSION = "2026.3.23"
_MODEL = "model"  # BFCL looks up whether a model writes underscores for dots in names; this one does not
_TOOL_CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)  # as in its QwenFCHandler


@dataclass(frozen=True)
class Entry:
    """One single-turn entry: its function documents, as JSON text and parsed, and its possible answer."""

    id: str
    category: str
    functions_text: str
    functions: list[dict[str, Any]]
    answer: list[dict[str, dict[str, list[Any]]]]


class _Unused(ModuleType):
    """A module whose every attribute is a function that returns its argument, or a decorator that does."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: lambda function: function


class _AnyModel(dict):
    def __missing__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(underscore_to_dot=False)


def options(description: str, **defaults: Any) -> argparse.ArgumentParser:
    """An argument parser with `--bfcl`, the folder that holds bfcl_eval."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0], **defaults)
    parser.add_argument("--bfcl", type=Path, default=Path(".cache/bfcl"), help="folder with bfcl_eval")
    return parser


def load(folder: Path) -> bool:
    """Make bfcl_eval importable from this folder. If it is not there, print how to install it and return False."""
    if not (folder / "bfcl_eval" / "eval_checker").is_dir():
        print(f"Skipped: {folder} has no bfcl_eval, which is not a dependency of this project. Install it with:\n")
        print(f"    pip install --no-deps --target {folder} bfcl-eval=={VERSION}")
        return False
    sys.path.append(str(folder.resolve()))
    handlers = "bfcl_eval.model_handler.parser"
    for name in ("bfcl_eval.constants.model_config", f"{handlers}.java_parser", f"{handlers}.js_parser", "tenacity"):
        if name != "tenacity" or importlib.util.find_spec(name) is None:
            sys.modules[name] = _Unused(name)
    vars(sys.modules["bfcl_eval.constants.model_config"])["MODEL_CONFIG_MAPPING"] = _AnyModel()
    return True


def data(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of one of BFCL's data files, such as `BFCL_v4_multiple` or `possible_answer/BFCL_v4_multiple`."""
    text = (folder / "bfcl_eval" / "data" / f"{name}.json").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def entries(folder: Path) -> Iterator[Entry]:
    """Every entry of the Python single-turn categories that are checked by AST."""
    for category in CATEGORIES:
        answers = {item["id"]: item["ground_truth"] for item in data(folder, f"possible_answer/BFCL_v4_{category}")}
        for item in data(folder, f"BFCL_v4_{category}"):
            text = json.dumps(item["function"])
            yield Entry(item["id"], category, text, item["function"], answers[item["id"]])


def blocks(text: str) -> list[str]:
    """The texts of the calls that BFCL's Qwen handler finds in a response."""
    return _TOOL_CALL.findall(text)


def decode(text: str, format: str) -> list[dict[str, dict[str, Any]]]:
    """The calls of a response in BFCL's form.

    Raises:
        Exception: whatever BFCL raises; its runner counts that as wrong.
    """
    if format == "pythonic":
        from bfcl_eval.model_handler.utils import default_decode_ast_prompting

        return default_decode_ast_prompting(text)
    calls = []
    for block in blocks(text):
        with contextlib.suppress(ValueError):  # BFCL's handler drops a block that does not parse
            calls.append(json.loads(block))
    return [{call["name"]: dict(call["arguments"].items())} for call in calls]


def check(entry: Entry, calls: list[dict[str, dict[str, Any]]]) -> bool:
    """BFCL's verdict on decoded calls.

    Raises:
        Exception: whatever BFCL raises.
    """
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    return ast_checker(entry.functions, calls, entry.answer, Language.PYTHON, entry.category, _MODEL)["valid"]


def check_call(document: dict[str, Any], call: dict[str, dict[str, Any]], answer: dict[str, Any]) -> bool:
    """BFCL's verdict on one call against one call of a possible answer; False if BFCL raises."""
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import simple_function_checker

    try:
        return simple_function_checker(document, call, answer, Language.PYTHON, _MODEL)["valid"]
    except (TypeError, KeyError, AttributeError, IndexError):
        return False


def verdict(entry: Entry, text: str, format: str) -> tuple[bool, str]:
    """BFCL's verdict on a response, and where it raised: "", "decoding" or "checking"."""
    try:
        calls = decode(text, format)
    except Exception:  # noqa: BLE001  # as in BFCL's runner
        return False, "decoding"
    try:
        good = all(isinstance(call, dict) and len(call) == 1 for call in calls)
        return good and check(entry, calls), ""
    except (TypeError, KeyError, AttributeError, IndexError):
        return False, "checking"
