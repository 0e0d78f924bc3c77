"""Can verl load the user's reward function (`reward.custom_reward_function`)? (verl 0.9.1, trainer/ppo/reward.py)

verl loads the function in the reward workers, minutes after the start. `require_loadable` reads the file before Ray
starts, and refuses a file that no worker can load. It runs no code of the file, because an import may change the
driver's environment, start threads, or need what only the workers have. `load_function` runs the file; call it in a
process that may crash.

verl does not add the file to `sys.modules`, nor its folder to Python's path. The error text has a hint for each.
"""

from __future__ import annotations

import ast
import symtable
import traceback
import warnings
from collections.abc import Callable
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from awpo_verl.config import AWPOConfigError

KEY = "reward.custom_reward_function"
RUNTIME_ENV = "ray_kwargs.ray_init.runtime_env"
OTHER_FILES = ("working_dir", "image_uri", "container")  # keys of Ray's runtime_env: the workers then see other files

# a file that uses one of these may define names that the compiler does not see
_DEFINES_UNSEEN = {"__getattr__", "globals", "locals", "vars", "exec", "setattr"}


def require_loadable(config: Any) -> None:
    """Check the file of the user's reward function without running it: it exists, compiles and defines the function.

    Imports and installed modules (`pkg://`) depend on the workers' environment and are not checked.

    Args:
        config: verl's whole config.

    Raises:
        AWPOConfigError: verl's reward worker could not load it; gives the reason and the key to set.
    """
    function = config.reward.custom_reward_function
    if not function.path:
        return
    try:
        _check_file(function.path, function.get("name"), read_runtime_env(config))
    except (OSError, AssertionError, AttributeError, SyntaxError, ValueError) as error:
        raise AWPOConfigError(describe_error(error, config)) from error


def read_runtime_env(config: Any) -> dict[str, Any]:
    """The keys of Ray's runtime_env that the user has set for the workers."""
    section: Any = OmegaConf.select(config, RUNTIME_ENV)
    given: Any = OmegaConf.to_container(section, resolve=True) if OmegaConf.is_dict(section) else {}
    return {key: value for key, value in given.items() if value not in (None, {}, [], "")}


def _check_file(path: str, name: str | None, environment: dict[str, Any]) -> None:
    """Raise what verl's loader would raise, as far as the text of the file shows it."""
    assert name is not None
    if path.startswith("pkg://"):
        return
    file = Path(path.removeprefix("file://"))
    if not file.exists():
        if environment.keys() & set(OTHER_FILES):
            return
        raise FileNotFoundError(f"Custom module file not found: {file}")
    if file.suffix != ".py" or not file.is_file():
        return
    source = file.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the worker shows a SyntaxWarning
        compile(source, str(file), "exec", dont_inherit=True)
        if not _may_define(decode_source(source), str(file), name):
            raise AttributeError(f"Object not found in module: {name}")


def _may_define(source: str, file: str, name: str) -> bool:
    """Whether the module may have the name once it has run: its top level defines it, or does so unseen."""
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Global) and name in node.names:
            return True
        used = node.id if isinstance(node, ast.Name) else getattr(node, "name", None)
        if used in _DEFINES_UNSEEN:
            return True
    module = symtable.symtable(source, file, "exec")
    if name not in module.get_identifiers():
        return False
    symbol = module.lookup(name)
    return symbol.is_assigned() or symbol.is_imported()


def load_function(config: Any) -> Callable[..., Any]:
    """Load the function with verl's own loader, which binds reward_kwargs. Raises what the user's file raises."""
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function: Any = get_custom_reward_fn(config)
    if not callable(function.args[0]):
        raise TypeError(f"it is a {type(function.args[0]).__name__}, and verl calls it")
    return function


def describe_error(error: BaseException, config: Any) -> str:
    """Why verl cannot load the function: the key, the place in the file, and a hint."""
    function = config.reward.custom_reward_function
    cause = error.__cause__ or error  # verl wraps what the file raises
    return (
        f"{KEY}.path={function.path} (name={function.get('name')}) cannot be loaded: "
        f"{_name_and_text(cause)}{_place(cause)}. {_hint(cause, function)}"
    )


def _name_and_text(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException) -> str:
    """Where the user's code raised it; "" if verl's loader raised it, or if the error names the place itself."""
    if isinstance(error, SyntaxError):
        return ""  # its text has the file and the line
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and "/verl/" not in frame.filename and frame.filename != __file__
    ]
    own = [frame for frame in frames if "/lib/python" not in frame.filename]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def _hint(error: BaseException, function: Any) -> str:
    if isinstance(error, FileNotFoundError) and "Custom module file not found" in str(error):
        return f"Set {KEY}.path to the file. A relative path starts at the folder in which the run is started."
    if isinstance(error, AssertionError) and function.get("name") is None:
        return f"Set {KEY}.name to the function's name."
    if isinstance(error, AttributeError) and "Object not found in module" in str(error):
        return f"Set {KEY}.name to a function of that file."
    if isinstance(error, AttributeError) and "'NoneType' object has no attribute '__dict__'" in str(error):
        return (
            "verl does not add the file to sys.modules, where @dataclass looks with `from __future__ import "
            f"annotations`. Remove that import, or use an installed module: {KEY}.path=pkg://package.module."
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"verl loads the file alone, and finds a module beside it only on Python's path. Install {error.name}, or "
            "put its folder on PYTHONPATH on all nodes."
        )
    return f"Correct the file, or set {KEY}.path and {KEY}.name to another function."
