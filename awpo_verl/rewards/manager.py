"""verl's reward-manager hook: one finished rollout -> its outcome, its reasoning, and the parts for the logs.

Registered as `awpo`; written for verl 0.9.1, experimental/reward_loop/reward_manager. Runs in the reward loop's
workers, beside generation. `reward_score` is the outcome alone, so `critic/score/*` of a GRPO and an AWPO run compare.

The outcome comes from the first of these that the row has:
  1. the user's `reward.custom_reward_function`, as it did under GRPO;
  2. a ground truth of our form: expected calls, or a reference trajectory in an environment (outcome/checker.py);
  3. verl's own rule for the row's data_source (verl/utils/reward_score).
The reasoning comes from the user's function, if it returns one, else from the rubric or the judge in rewards/reasoning,
by `algorithm.awpo.reasoning_source`. The rubric's parts are in every row, for they cost nothing.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import torch
from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.reward_loop.reward_manager import register
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from awpo_verl.config import AWPOConfigError, OutcomeConfig, parse
from awpo_verl.rewards.outcome import CallFormat, OutcomeCheck, check, find_format, format_of_template
from awpo_verl.rewards.outcome.formats import AUTO, template_in_use
from awpo_verl.rewards.parts import RewardParts, read_result
from awpo_verl.rewards.reasoning import RubricScore, conversation_text, make_case, make_task, rubric_score, stated_steps
from awpo_verl.rewards.reasoning.judge import NO_THINKING, NOT_ASKED, JudgeScore, Scorer, make_judge
from awpo_verl.rewards.turns import OWN_TOKENS, Decoder


@register("awpo")
class AWPORewardManager(RewardManagerBase):
    """Scores one rollout: `reward_score` = outcome, `reward_extra_info` = the parts (see RewardParts.as_info)."""

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        self.tokenizer: Any = tokenizer
        self.compute_score: Any = compute_score
        awpo = parse(config.algorithm.get("awpo"))
        self.reasoning_key, self.reasoning_range = awpo.reasoning_key, awpo.reasoning_range
        self.outcome, self.rubric = awpo.outcome, awpo.rubric
        self.judge: Scorer | None = None
        if awpo.reasoning_source == "judge":
            model = config.reward.get("reward_model") or {}
            self.judge = make_judge(awpo.judge, reward_router_address, model.get("model_path"))
        self.has_custom_function = bool(config.reward.custom_reward_function.path)
        template = template_in_use(OmegaConf.select(config, "actor_rollout_ref.model"), tokenizer)
        format = find_call_format(self.outcome, template, stop=not self.has_custom_function)
        if format is not None and self.outcome.format == AUTO:
            self.outcome = dataclasses.replace(self.outcome, format=format.name)
        self.decoder = Decoder(tokenizer, format)
        self.router = (
            {}
            if reward_router_address is None
            else {"reward_router_address": reward_router_address, "reward_model_tokenizer": reward_model_tokenizer}
        )

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """One session's outputs (the last is scored, as verl does) -> {"reward_score", "reward_extra_info"}."""
        item = data[-1]
        row = item.non_tensor_batch
        ground_truth = row["reward_model"]["ground_truth"]
        # off the event loop: the text may be long
        text, conversation, verdict, rubric = await self.loop.run_in_executor(None, self._read, item, ground_truth)

        scored, reasoning, extra = False, rubric.value, {}
        if verdict.checked:
            outcome = verdict.outcome(self.outcome.match)
        else:
            result = await self._compute_score(text, ground_truth, row)
            outcome, extra, scored, own = read_result(result, self.reasoning_key)
            reasoning = own if scored else rubric.value

        checks = verdict.as_info() | rubric.parts
        if self.judge is not None:
            judgement = JudgeScore(status=NOT_ASKED)
            if not scored:
                judgement = await self._judged(self.judge, verdict, conversation, row)
                reasoning = judgement.score
            checks |= judgement.as_info()
        if not scored and reasoning is not None:  # rubric and judge score in [0, 1]; the key has one scale
            low, high = self.reasoning_range
            reasoning = low + (high - low) * reasoning

        by_rule = not verdict.checked and not self.has_custom_function
        parts = RewardParts(outcome, reasoning, checks, extra, verl_rule=by_rule)
        return {"reward_score": outcome, "reward_extra_info": parts.as_info(self.reasoning_key)}

    def _read(self, item: Any, ground_truth: Any) -> tuple[str, str, OutcomeCheck, RubricScore]:
        """The whole response, what the model was told, the checkers' verdict on its own words, the rubric's score."""
        row = item.non_tensor_batch
        prompt, ids = prompt_and_response(
            item.batch["input_ids"], item.batch["attention_mask"], item.batch["responses"]
        )
        turns = self.decoder.decode(prompt, ids, row.get(OWN_TOKENS))
        extra_info = row.get("extra_info")
        tools = (extra_info or {}).get("tools")
        if self.has_custom_function:  # it decides alone, also what the ground truth and the tools mean
            verdict = check(turns.own, None, self.outcome, opened=turns.opened)
        else:
            log = row.get("tool_extra_fields") or {}
            verdict = check(turns.own, ground_truth, self.outcome, tools, log, turns.opened)
            if verdict.trajectory is not None:
                from awpo_verl.rewards.outcome.execution.rows import require_environment

                require_environment(extra_info)
        conversation = conversation_text(row.get("raw_prompt"))
        if conversation:  # "" = unknown
            conversation = "\n".join([conversation, *turns.between])
        task = make_task(verdict, conversation, ground_truth, tools, stated_steps(extra_info))
        return turns.whole, conversation, verdict, rubric_score(verdict.response, task, self.rubric)

    async def _judged(self, judge: Scorer, verdict: OutcomeCheck, conversation: str, row: dict[str, Any]) -> JudgeScore:
        """What the judge says of a rollout's thinking; where there is none that is closed, 0 without asking."""
        if not verdict.response.has_thinking:
            return JudgeScore(score=0.0, status=NO_THINKING)
        tools = (row.get("extra_info") or {}).get("tools")
        case = make_case(verdict.response, conversation, row["reward_model"]["ground_truth"], tools)
        return await judge.score(case, row.get("global_steps"))

    async def _compute_score(self, text: str, ground_truth: Any, row: dict[str, Any]) -> Any:
        """The user's function, or verl's rule for the data source, called as verl's naive manager calls it."""
        extra_info = dict(row.get("extra_info") or {})
        extra_info.update((row.get("tool_extra_fields") or {}).items())
        extra_info["num_turns"] = row.get("__num_turns__")
        extra_info["rollout_reward_scores"] = row.get("reward_scores", {})
        arguments = {
            "data_source": row["data_source"],
            "solution_str": text,
            "ground_truth": ground_truth,
            "extra_info": extra_info,
            **self.router,
        }
        try:
            if inspect.iscoroutinefunction(self.compute_score):
                return await self.compute_score(**arguments)
            result = await self.loop.run_in_executor(None, lambda: self.compute_score(**arguments))
            # an object with `async def __call__` is no coroutine function, and returns a coroutine
            return await result if inspect.isawaitable(result) else result
        except NotImplementedError as error:
            if self.has_custom_function:
                raise
            raise ValueError(
                f"No outcome checker fits data_source={row['data_source']!r}: its reward_model.ground_truth is not "
                '{"tool_calls": [...]}, verl has no rule for it, and reward.custom_reward_function is not set. '
                "Set one of the three."
            ) from error


def response_ids(input_ids: torch.Tensor, attention_mask: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """The tokens of the response, without padding.

    verl 0.9.1 pads the outputs of a session with several of them on the right, each part on its own, so the mask's
    last `len(responses)` places (what verl's naive manager sums) do not line up with the response and can even be
    all 0. The response is what prompt + response ends with.

    Args:
        input_ids, attention_mask: [L], prompt and response, padded on either side; mask 1 = a real token.
        responses: [R], the response, padded on the right.
    """
    if bool(attention_mask.all()):
        return responses
    tokens = input_ids[attention_mask.bool()]
    if not attention_mask[0]:  # prompt padded on the left, as the legacy trainer does: the naive sum is right
        return responses[: int(attention_mask[-len(responses) :].sum())]
    for length in range(min(len(tokens), len(responses)), 0, -1):
        if torch.equal(tokens[-length:], responses[:length]):
            return responses[:length]
    return responses[:0]


def prompt_and_response(
    input_ids: torch.Tensor, attention_mask: torch.Tensor, responses: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens of the prompt [P] and of the response [R], without padding; arguments as for `response_ids`."""
    ids = response_ids(input_ids, attention_mask, responses)
    tokens = input_ids[attention_mask.bool()]
    return tokens[: len(tokens) - len(ids)], ids


def find_call_format(outcome: OutcomeConfig, template: Any, stop: bool) -> CallFormat | None:
    """The format of `outcome.format`; of `auto` the one of the chat template, None where nothing tells.

    Args:
        template: from `template_in_use`.
        stop: whether a template of a format that is not read stops the run. Else it is said: calls are then counted
            wrong in the rubric and in `n_calls`.

    Raises:
        AWPOConfigError: no such format, or a template of one that is not read.
    """
    if outcome.format != AUTO:
        return find_format(outcome.format)
    try:
        format = format_of_template(template)
    except AWPOConfigError as error:
        if stop:
            raise
        print(f"[awpo] warning: {error} Your reward function decides; the rubric cannot read the calls.", flush=True)
        return None
    how = "told by the tokenizer's chat template" if format else "by each response's own marks; set it to be strict"
    print(f"[awpo] algorithm.awpo.outcome.format=auto: {format.name if format else 'any'}, {how}", flush=True)
    return format
