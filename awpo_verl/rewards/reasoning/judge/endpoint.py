"""One request to an OpenAI-compatible endpoint: its reply, or what went wrong and whether trying again can help.

Nothing but the configured key is ever sent: the `openai` client would otherwise take one from OPENAI_API_KEY and hand
it to whatever stands behind base_url. No key is part of a message of ours, even where a server repeats it.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from awpo_verl.config import SECTION, AWPOConfigError, JudgeConfig

MAX_DETAIL_CHARS = 300
MAX_BODY_BYTES = 4 * 2**20


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
    if judge.api_key_env and not os.environ.get(judge.api_key_env):
        raise AWPOConfigError(
            f"{SECTION}.judge.api_key_env={judge.api_key_env}: this process (host {os.uname().nodename}) has no such "
            "environment variable, or it is empty. Set it where Ray starts its workers: before `ray start` on each "
            "node, or with +ray_kwargs.ray_init.runtime_env.env_vars."
        )
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
        import openai

        self.endpoint = endpoint
        # an empty key would be looked for in OPENAI_API_KEY; servers without keys ignore this one
        self._key = os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else ""
        options: dict[str, Any] = {"trust_env": False} if endpoint.direct else {}
        http_client = openai.DefaultAsyncHttpxClient(
            event_hooks={"response": [_refuse_huge]}, limits=_limits(connections), **options
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=None,  # each attempt has its own: httpx's would start again with every byte
            http_client=http_client,
        )
        self._client.organization = self._client.project = None  # it takes these from the environment too

    async def ask(self, request: dict[str, Any], timeout: float) -> Reply:
        """One attempt of at most `timeout` seconds in all.

        Args:
            request: the arguments of chat.completions.create without the model.

        Raises:
            RequestError: no reply, or one that is no completion.
        """
        import openai

        try:
            sent = self._client.chat.completions.create(model=self.endpoint.model, **request)
            completion = await asyncio.wait_for(sent, timeout)
        except asyncio.TimeoutError:
            raise RequestError("timeout", f"no reply within {timeout:g} s", retry=True) from None
        except openai.APIStatusError as error:
            raise self._of_status(error) from None
        except openai.APITimeoutError as error:
            raise RequestError("timeout", self.safe(error), retry=True) from None
        except openai.APIConnectionError as error:
            detail = self.safe(f"{error} ({error.__cause__})")
            raise RequestError("connection", detail, retry=True) from None
        except (openai.APIError, ValueError) as error:  # a body that is no JSON, or no completion
            raise RequestError("malformed", self.safe(error), retry=True, healthy=True) from None
        return self._reply(completion)

    async def close(self) -> None:
        await self._client.close()

    def _of_status(self, error: Any) -> RequestError:
        status: int = error.status_code
        detail = f"HTTP {status}: {self.safe(error)}"
        if status == 429:
            return RequestError(
                "rate_limited", detail, retry=True, healthy=True, retry_after=_retry_after(error.response.headers)
            )
        if status in (408, 409) or status >= 500:
            return RequestError("server_error", detail, retry=True, retry_after=_retry_after(error.response.headers))
        kind = {401: "unauthorized", 403: "unauthorized", 404: "not_found"}.get(status, "bad_request")
        if kind == "unauthorized":
            source = f"the environment variable {self.endpoint.api_key_env}" if self._key else "nowhere: none was sent"
            detail += f" (the key came from {source}; {SECTION}.judge.api_key_env)"
        # a prompt that is too long is bad, and says nothing of the endpoint
        return RequestError(kind, detail, retry=False, healthy=kind == "bad_request")

    def _reply(self, completion: Any) -> Reply:
        """Taken apart with care: `openai` does not check what a server sends."""
        choices = getattr(completion, "choices", None)
        if not isinstance(choices, list) or not choices:
            shown = self.safe(str(completion)[:200])
            raise RequestError("malformed", f"no completion: {shown}", retry=True, healthy=True)
        message, usage = getattr(choices[0], "message", None), getattr(completion, "usage", None)
        text = getattr(message, "content", None)
        if text is None and getattr(message, "refusal", None):
            raise RequestError("malformed", "the judge refused to answer", retry=False, healthy=True)
        cut = getattr(choices[0], "finish_reason", None) == "length"
        return Reply(text, cut, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))

    def safe(self, error: object) -> str:
        """What may be logged of an error: one printable line of bounded length, without the key."""
        text = str(error)
        if self._key:
            text = text.replace(self._key, "***")
        text = " ".join(text[: 4 * MAX_DETAIL_CHARS].split())[:MAX_DETAIL_CHARS]
        return "".join(char if char.isprintable() else "?" for char in text)


def _limits(connections: int) -> Any:
    import openai

    defaults: Any = openai.DEFAULT_CONNECTION_LIMITS
    return type(defaults)(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0)


async def _refuse_huge(response: Any) -> None:
    if int(response.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {response.headers['content-length']} bytes")


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
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0
