"""One rollout's use of an environment: check the model's calls, run them within limits, and log them.

The model writes the calls, so they may be hostile. A name is looked up among the declared tools and nowhere else.
Arguments are checked against the tool's schema, and copied. An exception of a tool is an observation for the model,
never an exception of the worker. Results leave as JSON text, so no rollout holds an object of another's state.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from awpo_verl.rewards.bounded_json import nests_deeper
from awpo_verl.rewards.outcome.calls import ToolCall
from awpo_verl.rewards.outcome.execution.bounded_run import OutOfTimeError, run_bounded
from awpo_verl.rewards.outcome.execution.environment import Environment, EnvironmentTool, name_of, tools_of

STATE_DEPTH = 100  # nesting of a state
MESSAGE_CHARS = 400  # of the observation of a failed call


class SessionError(RuntimeError):
    """The environment is wrong, not the model: it cannot be set up, or its state cannot be read."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one rollout's tool calls; all above 0.

    call_seconds: wall time of one call. A call that runs out of time ends the session, because the state may be half
        changed.
    rollout_seconds: wall time of all calls together, without the model's own time.
    calls: number of calls, failed ones included.
    output_chars: length of one observation.
    depth: nesting of arguments.
    """

    call_seconds: float = 5.0
    rollout_seconds: float = 30.0
    calls: int = 64
    output_chars: int = 4096
    depth: int = 32

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            whole = name in ("calls", "output_chars", "depth")
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value > 0:
                wanted = "a whole number above 0" if whole else "seconds above 0"
                raise ValueError(f"limits.{name} is {value!r}; use {wanted}.")


@dataclass(frozen=True)
class Observation:
    """What the model sees of a call: the result as JSON text, or the reason why the call failed."""

    text: str
    failed: bool


class Session:
    """An environment in use by one rollout. Safe to call from several threads; calls run one after the other."""

    def __init__(self, environment: Environment, limits: Limits | None = None) -> None:
        self.environment = environment
        self.limits = limits or Limits()
        self._tools = tools_of(type(environment))
        self._seconds_left = float(self.limits.rollout_seconds)
        self._over = ""  # why no more calls are possible
        self._calls: list[dict[str, Any]] = []
        self._beyond = 0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, environment: type[Environment], initial: Mapping[str, Any], limits: Limits | None = None) -> Session:
        """A session with a fresh environment, which gets a copy of `initial`.

        Raises:
            SessionError: the environment does not take this initial state, or takes too long.
        """
        limits = limits or Limits()
        own = copy.deepcopy(dict(initial))
        try:
            made = run_bounded(lambda: environment(own), limits.rollout_seconds)
        except (Exception, SystemExit) as error:
            raise SessionError(
                f"{environment.__qualname__} cannot be set up from initial={str(initial)[:200]}: {_reason(error)}"
            ) from error
        return cls(made, limits)

    def call(self, call: ToolCall) -> Observation:
        """Run one call. The answer is always an observation, whatever the call is and the tool does.

        Raises:
            KeyboardInterrupt: the user's, while waiting in the main thread. Nothing else.
        """
        with self._lock:
            arguments, refused = self._checked(call)
            observation = refused or self._run(self._tools[call.name], arguments)
            if len(self._calls) < self.limits.calls:
                self._calls.append(
                    {
                        "name": str(call.name)[:MESSAGE_CHARS],
                        "arguments": arguments,
                        "text": observation.text,
                        "failed": observation.failed,
                        "ran": refused is None,
                    }
                )
            else:  # refused and not logged, because the log is bounded too
                self._beyond += 1
            return observation

    def state(self) -> Any:
        """The environment's state now, as a JSON value that belongs to the caller.

        Raises:
            SessionError: a call ran out of time, so the state is undefined; or `state()` failed.
        """
        with self._lock:
            if self._over:
                raise SessionError(f"The state is undefined: {self._over}")
            environment = self.environment
            try:
                # parsed in the thread that wrote it: the caller's stack may have less room
                state = run_bounded(lambda: json.loads(_json(environment.state())), self.limits.rollout_seconds)
            except (Exception, SystemExit) as error:
                raise SessionError(f"{type(environment).__qualname__}.state() failed: {_reason(error)}") from error
            if nests_deeper(state, STATE_DEPTH):
                raise SessionError(f"The state nests deeper than {STATE_DEPTH}, which is not compared.")
            return state

    def log(self) -> dict[str, Any]:
        """The session so far, as a JSON object: {"environment", "limits", "over", "beyond", "calls"}.

        over: why no more calls are possible, else "". beyond: the number of calls past the limit, which were refused
        and not logged. A call has name, arguments (None = not JSON, or nested too deep), text, failed, and ran: False =
        it was refused before the tool saw it.
        """
        with self._lock:
            return {
                "environment": name_of(type(self.environment)),
                "limits": asdict(self.limits),
                "over": self._over,
                "beyond": self._beyond,
                "calls": copy.deepcopy(self._calls),
            }

    def _checked(self, call: ToolCall) -> tuple[dict[str, Any] | None, Observation | None]:
        """A copy of the arguments (None = they cannot be copied), and the refusal; None = the call is not refused."""
        try:
            if not isinstance(cast("Any", call.arguments), dict) or nests_deeper(call.arguments, self.limits.depth):
                return None, _failure(f"The arguments must be a JSON object nested at most {self.limits.depth} deep.")
            arguments = json.loads(_json(call.arguments))
        except (TypeError, ValueError, RecursionError) as error:
            return None, _failure(f"The arguments are not JSON: {_reason(error)}")
        if self._over:
            return arguments, _failure(self._over)
        if len(self._calls) >= self.limits.calls:
            return arguments, _failure(f"No more calls: {self.limits.calls} have been made, which is the limit.")
        tool = self._tools.get(call.name) if isinstance(cast("Any", call.name), str) else None
        if tool is None:
            return arguments, _failure(f"Unknown tool {str(call.name)[:100]!r}. The tools: {', '.join(self._tools)}.")
        problem = next(iter(cast("Any", tool.validator).iter_errors(arguments)), None)
        if problem is not None:
            where = "".join(f"{step}: " for step in list(problem.absolute_path)[:1])
            return arguments, _failure(f"Wrong arguments: {where}{problem.message[:200]}. Use {tool.usage}.")
        return arguments, None

    def _run(self, tool: EnvironmentTool, arguments: dict[str, Any] | None) -> Observation:
        own = copy.deepcopy(arguments or {})
        seconds = min(float(self.limits.call_seconds), self._seconds_left)
        started = time.monotonic()
        try:
            return run_bounded(lambda: self._observe(tool, own), seconds)
        except OutOfTimeError:
            which = "call" if seconds == self.limits.call_seconds else "rollout's calls"
            self._over = f"The tools are gone: the time for a {which} was up in {tool.usage.partition('(')[0]}."
            return _failure(self._over)
        finally:
            self._seconds_left = max(0.0, self._seconds_left - (time.monotonic() - started))

    def _observe(self, tool: EnvironmentTool, arguments: dict[str, Any]) -> Observation:
        """Call the tool. This runs in the tool's own thread, so that writing the result as text is bounded too."""
        try:
            text = _json(tool.function(self.environment, **arguments))
        except BaseException as error:  # noqa: BLE001  # SystemExit, MemoryError and KeyboardInterrupt are the
            # tool's own: the user's Ctrl-C reaches only the main thread
            return _failure(f"Error: {_reason(error)}")
        limit = self.limits.output_chars
        if len(text) > limit:
            text = f"{text[:limit]}... [cut: {limit} of {len(text)} characters]"
        return Observation(_encodable(text), failed=False)


def _failure(text: str) -> Observation:
    return Observation(_encodable(text[:MESSAGE_CHARS]), failed=True)


def _encodable(text: str) -> str:
    """Write a lone surrogate, which JSON allows and tokenizers refuse, as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _reason(error: BaseException) -> str:
    """The exception's type and message; only the type if its own __str__ raises."""
    try:
        return f"{type(error).__name__}: {error}"[:MESSAGE_CHARS]
    except Exception:  # noqa: BLE001
        return type(error).__name__


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
