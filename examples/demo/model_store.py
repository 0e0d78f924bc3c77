"""Warm-started models on disk: shipped with the project in models/, or trained once and kept in a cache.

A model's recipe says what decides its weights: the task, the seed, the settings and a fingerprint of the code. The
store returns a shipped model only where its recipe.json equals the recipe that is asked for. A changed warm start
therefore never uses a stale model. It trains, until `make warm-start` has built the shipped models anew.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from examples.demo import tiny_model

SHIPPED = Path(__file__).with_name("models")
RECIPE = "recipe.json"
LIBRARIES = ("torch", "transformers", "tokenizers")

Made = tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]


@dataclass(frozen=True)
class Recipe:
    """What decides a model's weights.

    task: "shop" or "desk". settings: a JSON object. code: see code_fingerprint.
    """

    task: str
    seed: int
    settings: dict[str, Any]
    code: str

    @property
    def name(self) -> str:
        """`<task>-<hash of the recipe>`."""
        return f"{self.task}-{_hash([json.dumps(asdict(self), sort_keys=True)])}"


def make_recipe(task: str, settings: Any, seed: int, modules: Iterable[ModuleType]) -> Recipe:
    """The recipe of a dataclass of settings and the modules that train with it."""
    return Recipe(task, seed, json.loads(json.dumps(asdict(settings))), code_fingerprint(modules))


def code_fingerprint(modules: Iterable[ModuleType]) -> str:
    """A hash of the modules' code, without comments, docstrings and imports, which do not change the weights."""
    return _hash(_bare_code(Path(str(module.__file__)).read_text(encoding="utf-8")) for module in modules)


def _bare_code(source: str) -> str:
    class Bare(ast.NodeTransformer):
        def visit_Import(self, node: ast.Import) -> None: ...  # returns None: the node is dropped

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

        def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
            docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            return None if docstring else node

    return ast.unparse(Bare().visit(ast.parse(source)))


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


def find_or_train(
    recipe: Recipe, cache: str | Path, train: Callable[[], Made], progress: Callable[[str], None]
) -> Path:
    """The Hugging Face folder of the recipe's model: shipped, or in the cache, or trained now and put there.

    The name of a folder in the cache depends on the recipe and on the versions of LIBRARIES. A run that is cut off
    leaves nothing that a later run would take for a model.
    """
    if read_recipe(SHIPPED / recipe.task) == recipe:
        progress(f"warm start: {os.path.relpath(SHIPPED / recipe.task)} is shipped with the project")
        return SHIPPED / recipe.task
    versions = _hash(f"{library} {metadata.version(library)}" for library in LIBRARIES)
    folder = Path(cache) / f"{recipe.name}-{versions[:4]}"
    if folder.is_dir():
        progress(f"warm start: found in {folder}")
    else:
        write_model(folder, recipe, train())
    return folder


def read_recipe(folder: Path) -> Recipe | None:
    """The recipe of the model in a folder; None where there is no model."""
    file = folder / RECIPE
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return Recipe(**{name: content[name] for name in Recipe.__dataclass_fields__})


def name_of(folder: Path) -> str:
    """The name of the model in a folder: its recipe's. ValueError: the folder has no recipe."""
    recipe = read_recipe(folder)
    if recipe is None:
        raise ValueError(f"{folder} has no {RECIPE}; use a folder of a warm-started model.")
    return recipe.name


def hash_weights(folder: Path) -> str:
    """The SHA-256 of the model's weights, as recipe.json has it under `weights`."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def write_model(folder: Path, recipe: Recipe, made: Made, **measured: Any) -> None:
    """Save the model with its recipe, and with what was measured, in a folder that is there as a whole or not at all.

    A folder that is there already is kept.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        tiny_model.save(*made, unfinished)
        content = asdict(recipe) | {"weights": hash_weights(unfinished)} | measured
        (unfinished / RECIPE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        unfinished.chmod(0o755)
        if not folder.is_dir():  # another process may have been faster
            os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
