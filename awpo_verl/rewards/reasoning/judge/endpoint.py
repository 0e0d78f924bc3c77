"""One request to an OpenAI-compatible endpoint: its reply, or what went wrong and whether trying again can help.

It goes through the `openai` client. That client adds to each request what it finds in the environment (OPENAI_API_KEY,
OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and more), for whatever stands behind base_url; here headers that are not ours are
taken off, and nothing but the configured key is ever sent. No redirect is followed. No key is in a log, even where a
server repeats it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NoReturn

from awpo_verl.config import SECTION, AWPOConfigError, JudgeConfig

MAX_DETAIL_CHARS = 300
MAX_BODY_BYTES = 4 * 2**20
SENT = frozenset(["host", "connection", "content-length", "content-type", "accept", "accept-encoding"])
CHATTY = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")  # loggers that write whole requests and replies down
KEPT_ALIVE = 4.0  # seconds that an idle connection is kept: uvicorn, under vLLM and SGLang, ends it after 5


class RequestError(Exception):
    """A request without a usable reply.

    Attributes:
        kind: timeout | connection | rate_limited | server_error | unauthorized | not_found | bad_request | malformed.
        retry: whether another attempt can help. healthy: the endpoint works, whatever is wrong with this reply.
        retry_after: seconds that the endpoint asked to wait, None where it did not.
    """

    def __init__(self, kind: str, detail: str, *, retry: bool, healthy: bool = False, retry_after: float | None = None):
        super().__init__(detail)
        self.kind, self.retry, self.healthy, self.retry_after = kind, retry, healthy, retry_after


@dataclass(frozen=True, slots=True)
class Reply:
    """text: the message's content, not checked. cut: it ended at max_tokens. tokens: as the server counts them."""

    text: Any
    cut: bool
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Endpoint:
    """Where the judge is. The key is read from the environment when a client is made, and kept nowhere else.

    Attributes:
        base_url: ends in /v1, as a rule. identity: what it is called in cache keys: verl's router has a new address in
            each run, and is the same judge. direct: proxies of the environment are not used.
    """

    base_url: str
    model: str
    api_key_env: str
    identity: str
    direct: bool = False


def find_endpoint(judge: JudgeConfig, router_address: str | None, reward_model_path: str | None) -> Endpoint:
    """The endpoint of the config, else verl's own reward model.

    Args:
        router_address: `host:port` of the router that verl starts for reward.reward_model, None without one.
        reward_model_path: reward.reward_model.model_path: the name under which verl's servers serve it.

    Raises:
        AWPOConfigError: there is neither, or the environment variable of the key is not set in this process.
    """
    _key(judge.api_key_env)
    if judge.base_url:
        return Endpoint(judge.base_url, judge.model, judge.api_key_env, judge.base_url)
    if router_address is None:
        raise AWPOConfigError(
            f"{SECTION}.reasoning_source=judge without a judge: set {SECTION}.judge.base_url and .model, or let verl "
            "serve one with reward.reward_model.enable=True, enable_resource_pool=True and model_path."
        )
    model = judge.model or reward_model_path or ""
    return Endpoint(f"http://{router_address}/v1", model, judge.api_key_env, "reward.reward_model", direct=True)


class Client:
    """Sends requests to one endpoint, from one event loop. `ask` may be called many times at once."""

    def __init__(self, endpoint: Endpoint, connections: int) -> None:
        import openai  # noqa: F401  # a second or two, which the first rollouts should not wait for

        self.endpoint = endpoint
        self._connections = connections
        self._secret = _key(endpoint.api_key_env)
        self._client: Any = None
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)

    async def ask(self, request: dict[str, Any], timeout: float) -> Reply:
        """One attempt of at most `timeout` seconds in all.

        Args:
            request: the arguments of chat.completions.create without the model.

        Raises:
            RequestError: no reply, or one that is no completion.
        """
        import openai

        if self._client is None:  # it belongs to the event loop that runs now
            self._client = self._make_client()
        try:
            sent = self._client.chat.completions.create(model=self.endpoint.model, **request)
            completion = await asyncio.wait_for(sent, timeout)
        except asyncio.TimeoutError:
            raise RequestError("timeout", f"no reply within {timeout:g} s", retry=True) from None
        except openai.APIStatusError as error:
            raise self._of_status(error) from None
        except openai.APIConnectionError as error:  # its cause says which
            raise RequestError("connection", self.safe(f"{error} ({error.__cause__})"), retry=True) from None
        except (openai.APIError, ValueError, RecursionError) as error:  # a body that is no JSON, or too large
            raise RequestError("malformed", self.safe(error), retry=True, healthy=True) from None
        # the client does not check what a server sends
        return self._reply(completion.to_dict(warnings=False) if hasattr(completion, "to_dict") else completion)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def __getstate__(self) -> NoReturn:
        raise TypeError("A judge's client cannot be pickled: the key would travel with it. Make one in each process.")

    def _make_client(self) -> Any:
        import openai

        limits: Any = type(openai.DEFAULT_CONNECTION_LIMITS)
        http_client = openai.DefaultAsyncHttpxClient(
            limits=limits(
                max_connections=self._connections,
                max_keepalive_connections=self._connections,
                keepalive_expiry=KEPT_ALIVE,
            ),
            event_hooks={"request": [self._only_ours], "response": [_refuse_huge]},
            follow_redirects=False,
            trust_env=not self.endpoint.direct,
        )
        return openai.AsyncOpenAI(
            base_url=self.endpoint.base_url,
            api_key=self._secret or "none",
            max_retries=0,
            timeout=None,  # ours is for the whole attempt; httpx's would start again with every byte
            http_client=http_client,
        )

    async def _only_ours(self, request: Any) -> None:
        for name in list(request.headers):
            if name.lower() not in SENT:
                del request.headers[name]
        request.headers["User-Agent"] = "awpo-verl"
        request.headers["Accept-Encoding"] = "identity"  # a small body cannot become a large one
        if self._secret:
            request.headers["Authorization"] = f"Bearer {self._secret}"

    def _of_status(self, error: Any) -> RequestError:
        status, headers = error.status_code, error.response.headers
        detail = f"HTTP {status}: {self.safe(error.body if error.body is not None else error)}"
        if status == 429:
            return RequestError("rate_limited", detail, retry=True, healthy=True, retry_after=_retry_after(headers))
        if status in (408, 409) or status >= 500:
            return RequestError("server_error", detail, retry=True, retry_after=_retry_after(headers))
        kind = {401: "unauthorized", 403: "unauthorized", 404: "not_found"}.get(status, "bad_request")
        if kind == "unauthorized":
            source = (
                f"the environment variable {self.endpoint.api_key_env}" if self._secret else "nowhere: none was sent"
            )
            detail += f" (the key came from {source}; {SECTION}.judge.api_key_env)"
        if status < 400:
            kind = "not_found"
            moved = self.safe(headers.get("location", ""))
            detail = (
                f"HTTP {status}, which is not followed: {SECTION}.judge.base_url should be where it is now: {moved}"
            )
        # a prompt that is too long is bad, and says nothing of the endpoint
        return RequestError(kind, detail, retry=False, healthy=kind == "bad_request")

    def _reply(self, completion: Any) -> Reply:
        """Taken apart with care: a server may send anything."""
        choices = completion.get("choices") if isinstance(completion, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise RequestError("malformed", f"no completion: {self.safe(completion)}", retry=True, healthy=True)
        text = message.get("content")
        if text is None and message.get("refusal"):
            raise RequestError("malformed", "the judge refused to answer", retry=False, healthy=True)
        usage = completion.get("usage")
        cut = choice.get("finish_reason") == "length"
        text = self.redacted(text) if isinstance(text, str) else text
        return Reply(text, cut, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._secret, "***") if self._secret else text

    def safe(self, error: object) -> str:
        """What may be logged of an error: one printable line of bounded length, without the key."""
        text = self.redacted(str(error))
        text = " ".join(text[: 4 * MAX_DETAIL_CHARS].split())[:MAX_DETAIL_CHARS]
        return "".join(char if char.isprintable() else "?" for char in text)


def _key(name: str) -> str:
    """The key in the environment variable of this name; "" for no name.

    Raises:
        AWPOConfigError: there is none, or none that can stand in a header. The name is shown only where it looks like
            one: hf_abc123 may be the key itself.
    """
    if not name:
        return ""
    shown = f"={name}" if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", name) else " (not shown: it may be a key itself)"
    key = os.environ.get(name, "").strip()
    if not key:
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env{shown}: this process (host {os.uname().nodename}) has no such "
            "environment variable, or it is empty. Set it where Ray starts its workers: before `ray start` on each "
            "node, or with +ray_kwargs.ray_init.runtime_env.env_vars."
        )
    if not re.fullmatch(r"[!#-&(-\[\]-~]+", key):
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env{shown}: what the variable holds is no key: blanks, quotes, backslashes and "
            "characters beyond ASCII cannot be part of one."
        )
    return key


async def _refuse_huge(response: Any) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):  # what it unpacks to has no bound
        raise ValueError(f"a body packed with {encoding}")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes, more than {MAX_BODY_BYTES}")
    response.stream = _bounded(type(response.stream))(response.stream)  # without a length it shows as it comes


@lru_cache
def _bounded(kind: type) -> Callable[[Any], Any]:
    """A class of streams that wrap one of this kind, and end with ValueError after MAX_BODY_BYTES."""
    # of httpx, or of the httpx2 that newer versions of openai use
    base: Any = next(parent for parent in kind.__mro__ if parent.__name__ == "AsyncByteStream")

    class Bounded(base):
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for chunk in self.stream:
                read += len(chunk)
                if read > MAX_BODY_BYTES:
                    raise ValueError(f"a body of more than {MAX_BODY_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self.stream.aclose()

    return Bounded


def _retry_after(headers: Any) -> float | None:
    """Seconds, from a Retry-After header in seconds or as a date; None where there is none that can be read."""
    given = headers.get("retry-after")
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0
