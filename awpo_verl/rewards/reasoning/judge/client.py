"""One request to an OpenAI-compatible endpoint: its completion, or an error that says whether a retry can help.

Requests go through the `openai` client. That client adds values from the environment to each request (OPENAI_API_KEY,
OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and more), whatever base_url is. This module removes those headers, and sends only
the configured key. It follows no redirect. No log shows the key, even if a server repeats it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NoReturn, cast

from awpo_verl.config import SECTION
from awpo_verl.config.packages import import_package
from awpo_verl.rewards.reasoning.judge.endpoint import Endpoint, read_api_key
from awpo_verl.rewards.reasoning.judge.scorer import RequestError, log_detail

MAX_BODY_BYTES = 4 * 2**20
SENT = frozenset(["host", "connection", "content-length", "content-type", "accept", "accept-encoding"])
CHATTY = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")  # loggers that write whole requests and replies
KEPT_ALIVE = 4.0  # seconds that an idle connection is kept: uvicorn, under vLLM and SGLang, closes it after 5


@dataclass(frozen=True, slots=True)
class Completion:
    """A chat completion.

    Attributes:
        text: the message's content, not checked.
        cut: generation stopped at max_tokens.
        tokens_in, tokens_out: as the server counts them.
    """

    text: Any
    cut: bool
    tokens_in: int
    tokens_out: int


class Client:
    """Sends requests to one endpoint, from one event loop. `ask` may be called many times at once."""

    def __init__(self, endpoint: Endpoint, connections: int) -> None:
        """Raises AWPOConfigError if the package openai is missing, or the API key is unusable."""
        self._openai = _import_openai()  # takes a second or two, which the first rollouts should not wait for
        self.endpoint = endpoint
        self._connections = connections
        self._secret = read_api_key(endpoint.api_key_env)
        self._client: Any = None
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)

    async def ask(self, request: dict[str, Any], timeout: float) -> Completion:
        """One attempt of at most `timeout` seconds in all.

        Args:
            request: the arguments of chat.completions.create without the model.

        Raises:
            RequestError: no reply, or a reply that is not a completion.
        """
        openai = self._openai
        if self._client is None:  # it belongs to the running event loop
            self._client = self._make_client()
        try:
            sent = self._client.chat.completions.create(model=self.endpoint.model, **request)
            completion = await asyncio.wait_for(sent, timeout)
        except asyncio.TimeoutError:
            raise RequestError("timeout", f"no reply within {timeout:g} s", retry=True) from None
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIConnectionError as error:  # its cause has the details
            raise RequestError("connection", self.safe(f"{error} ({error.__cause__})"), retry=True) from None
        except (openai.APIError, ValueError, RecursionError) as error:  # a body that is not JSON, or too large
            raise RequestError("malformed", self.safe(error), retry=True, healthy=True) from None
        # the client does not check what a server sends
        return self._read_completion(
            completion.to_dict(warnings=False) if hasattr(completion, "to_dict") else completion
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def redact(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._secret, "***") if self._secret else text

    def safe(self, error: object) -> str:
        """An error as one short printable line without the key, for the log."""
        return log_detail(self.redact(str(error)))

    def __getstate__(self) -> NoReturn:
        raise TypeError("A judge's client cannot be pickled: the key would travel with it. Make one in each process.")

    def _make_client(self) -> Any:
        openai = self._openai
        limits = cast(Any, type(openai.DEFAULT_CONNECTION_LIMITS))
        http_client = openai.DefaultAsyncHttpxClient(
            limits=limits(
                max_connections=self._connections,
                max_keepalive_connections=self._connections,
                keepalive_expiry=KEPT_ALIVE,
            ),
            event_hooks={"request": [self._set_headers], "response": [_refuse_huge]},
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

    async def _set_headers(self, request: Any) -> None:
        """Remove the headers that the openai client takes from the environment, and add ours."""
        for name in list(request.headers):
            if name.lower() not in SENT:
                del request.headers[name]
        request.headers["User-Agent"] = "awpo-verl"
        request.headers["Accept-Encoding"] = "identity"  # so that a small body cannot unpack to a large one
        if self._secret:
            request.headers["Authorization"] = f"Bearer {self._secret}"

    def _status_error(self, error: Any) -> RequestError:
        """The RequestError for an HTTP status."""
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
                f"HTTP {status}: redirects are not followed. Set {SECTION}.judge.base_url to the new address: {moved}"
            )
        # bad_request: the prompt may be too long, which says nothing about the endpoint
        return RequestError(kind, detail, retry=False, healthy=kind == "bad_request")

    def _read_completion(self, completion: Any) -> Completion:
        """Read a body with care: a server may send anything."""
        choices = _field(completion, "choices")
        choice: Any = cast(list[Any], choices)[0] if isinstance(choices, list) and choices else None
        message = _field(choice, "message")
        if not isinstance(message, dict):
            raise RequestError("malformed", f"no completion: {self.safe(completion)}", retry=True, healthy=True)
        text = _field(message, "content")
        if text is None and _field(message, "refusal"):
            raise RequestError("malformed", "the judge refused to answer", retry=False, healthy=True)
        usage = _field(completion, "usage")
        cut = _field(choice, "finish_reason") == "length"
        text = self.redact(text) if isinstance(text, str) else text
        return Completion(text, cut, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _import_openai() -> Any:
    return import_package("openai", "judge", "reasoning_source=judge")


def _field(value: Any, name: str) -> Any:
    """A field of a JSON object; None if it is missing, or the value is not an object."""
    return cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None


async def _refuse_huge(response: Any) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):  # its unpacked size has no bound
        raise ValueError(f"a body packed with {encoding}")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes, more than {MAX_BODY_BYTES}")
    response.stream = _bounded_class(cast(type[Any], type(response.stream)))(response.stream)  # without a length, too


@lru_cache
def _bounded_class(kind: type[Any]) -> Callable[[Any], Any]:
    """A class of streams that wraps a stream of this kind and raises ValueError after MAX_BODY_BYTES."""
    # the base class comes from httpx, or from the httpx2 that newer versions of openai use
    base: Any = next(parent for parent in kind.__mro__ if parent.__name__ == "AsyncByteStream")

    class Bounded(base):
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self.stream:
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise ValueError(f"a body of more than {MAX_BODY_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self.stream.aclose()

    return Bounded


def _retry_after(headers: Any) -> float | None:
    """The Retry-After header (seconds or a date) in seconds; None if it is missing or unreadable."""
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
    value = _field(usage, name)
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0
