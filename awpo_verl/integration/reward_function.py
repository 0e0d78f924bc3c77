"""`reward.custom_reward_function`, loaded as verl's reward worker loads it (verl 0.9.1, trainer/ppo/reward.py).

verl loads the function in the reward workers, minutes after the start. Here it is loaded before Ray starts, and an
error says what failed in the user's file. verl does not add the file to `sys.modules`, and it does not add the file's
folder to Python's path: the error has a hint for each.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from awpo_verl.config import AWPOConfigError

KEY = "reward.custom_reward_function"

_loads_here: ContextVar[bool] = ContextVar("awpo_loads_reward_function", default=True)


@contextlib.contextmanager
def left_to_a_subprocess() -> Iterator[None]:
    """Within the block `require_loadable` does nothing: the caller loads the function where it can do no harm."""
    token = _loads_here.set(False)
    try:
        yield
    finally:
        _loads_here.reset(token)


def require_loadable(config: Any) -> None:
    """Load the user's reward function in this process, and forget it.

    Args:
        config: verl's whole config.

    Raises:
        AWPOConfigError: verl's reward worker could not load it; says why, and which key to set.
    """
    if not _loads_here.get() or not config.reward.custom_reward_function.path:
        return
    try:
        load(config)
    except Exception as error:
        raise AWPOConfigError(explain(error, config)) from error


def load(config: Any) -> Callable[..., Any]:
    """verl's own loader, with reward_kwargs bound. Raises what the user's file raises, wrapped by verl or not."""
    from verl.trainer.ppo.reward import get_custom_reward_fn

    function: Any = get_custom_reward_fn(config)
    if not callable(function.args[0]):
        raise TypeError(f"it is a {type(function.args[0]).__name__}, and verl calls it")
    return function


def explain(error: BaseException, config: Any) -> str:
    """Why verl cannot load the function, for the user: the key, the error's place in the file, and a hint."""
    function = config.reward.custom_reward_function
    cause = error.__cause__ or error  # verl wraps what the file raises
    return (
        f"{KEY}.path={function.path} (name={function.get('name')}) cannot be loaded: "
        f"{_words(cause)}{_place(cause)}. {_hint(cause, function)}"
    )


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException) -> str:
    """Where the user's code raised it; "" where it was verl's loader itself, or where the error says it."""
    if isinstance(error, SyntaxError):
        return ""  # its text has file and line
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and "/verl/" not in frame.filename and frame.filename != __file__
    ]
    own = [frame for frame in frames if "/lib/python" not in frame.filename]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def _hint(error: BaseException, function: Any) -> str:
    if isinstance(error, FileNotFoundError) and "Custom module file not found" in str(error):
        return f"Set {KEY}.path to the file; a relative path starts at the folder the run is started in."
    if isinstance(error, AssertionError) and function.get("name") is None:
        return f"Set {KEY}.name to the function's name."
    if isinstance(error, AttributeError) and "Object not found in module" in str(error):
        return f"Set {KEY}.name to a function of that file."
    if isinstance(error, AttributeError) and "'NoneType' object has no attribute '__dict__'" in str(error):
        return (
            "verl does not add the file to sys.modules, and @dataclass looks there under `from __future__ import "
            f"annotations`. Remove that import, or use an installed module: {KEY}.path=pkg://package.module."
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            f"verl loads the file alone: a module beside it is found only on Python's path. Install {error.name}, or "
            "put its folder on PYTHONPATH for all nodes."
        )
    return f"Correct the file, or set {KEY}.path and {KEY}.name to another function."
