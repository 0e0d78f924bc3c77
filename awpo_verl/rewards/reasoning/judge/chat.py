"""A chat model behind an OpenAI-compatible endpoint, as the model of a judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awpo_verl.config import SECTION, JudgeConfig
from awpo_verl.rewards.reasoning.judge.client import Client
from awpo_verl.rewards.reasoning.judge.endpoint import Endpoint, find_endpoint
from awpo_verl.rewards.reasoning.judge.judge import Judge
from awpo_verl.rewards.reasoning.judge.prompt import Case, Prompt, load_template
from awpo_verl.rewards.reasoning.judge.reply import BadReplyError, JudgeReply, read_reply, response_format
from awpo_verl.rewards.reasoning.judge.scorer import JudgeModel, RequestError, hash_json


def make_judge(config: JudgeConfig, router_address: str | None = None, reward_model_path: str | None = None) -> Judge:
    """A judge that asks the endpoint of the config, or verl's own reward model; arguments as for `find_endpoint`.

    Raises:
        AWPOConfigError: no endpoint, no API key, an unusable template, or the package openai is missing.
    """
    return Judge(config, ChatModel(config, find_endpoint(config, router_address, reward_model_path)))


class ChatModel(JudgeModel):
    """Fills the prompt template, asks for a completion, and reads the score in it."""

    def __init__(self, config: JudgeConfig, endpoint: Endpoint) -> None:
        self.name = endpoint.identity
        self.config, self.endpoint = config, endpoint
        self.template = load_template(config.template)
        self.client = Client(endpoint, config.concurrency)
        self._settings = self._request_settings()

    def write_prompt(self, case: Case) -> Prompt:
        return self.template.fill(case, self.config)

    def key(self, prompt: Prompt) -> str:
        scale = self.template.scale
        source = (self.endpoint.identity, self.endpoint.model, self._settings)
        return hash_json([*source, prompt.messages, self.config.samples, scale.lowest, scale.highest])

    async def ask(self, prompt: Prompt, sample: int, timeout: float) -> JudgeReply:
        request = self._settings | {"messages": list(prompt.messages)}
        if self.config.samples > 1:
            request["seed"] = sample
        completion = await self.client.ask(request, timeout)
        tokens = {"tokens_in": completion.tokens_in, "tokens_out": completion.tokens_out}
        try:
            reply = read_reply(completion.text, self.template.scale)
        except BadReplyError as error:
            kind = "truncated" if completion.cut else error.kind
            advice = f" ({SECTION}.judge.max_tokens={self.config.max_tokens})" if completion.cut else ""
            raise RequestError(kind, f"{error}{advice}", retry=True, healthy=True, **tokens) from None
        return replace(reply, reason=self.redact(reply.reason), **tokens)

    def redact(self, text: str) -> str:
        return self.client.redact(text)

    async def close(self) -> None:
        await self.client.close()

    def _request_settings(self) -> dict[str, Any]:
        """The fields that all requests share."""
        c = self.config
        settings: dict[str, Any] = {"max_completion_tokens": c.max_tokens}
        if c.temperature is not None:
            settings["temperature"] = c.temperature
        if (form := response_format(c.reply, self.template.scale, c.explain)) is not None:
            settings["response_format"] = form
        return settings | ({"extra_body": dict(c.extra_body)} if c.extra_body else {})
