"""verl's reward-manager hook: one finished rollout -> its outcome, its reasoning, and the parts for the logs.

Registered as `awpo`; written for verl 0.9.1, experimental/reward_loop/reward_manager. It runs in the reward loop's
workers, while other rollouts are generated. `reward_score` is the outcome alone, so `critic/score/*` of a GRPO run and
an AWPO run compare.

The outcome comes from the first of these that the row has:
  1. the user's `reward.custom_reward_function`, as under GRPO;
  2. a ground truth of ours: expected calls, or a reference trajectory in an environment (outcome/target.py);
  3. verl's own rule for the row's data_source (verl/utils/reward_score).
The reasoning comes from the user's function, if it returns one, else from the rubric or the judge (rewards/reasoning),
by `algorithm.awpo.reasoning_source`. The rubric's parts are in every row, because they cost nothing.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf
from verl import DataProto
from verl.experimental.reward_loop.reward_manager import register
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from awpo_verl.config import AWPOConfigError, OutcomeConfig, parse
from awpo_verl.rewards.outcome import CallFormat, OutcomeCheck, check_outcome, find_format, format_of_template
from awpo_verl.rewards.outcome.formats import AUTO, template_in_use
from awpo_verl.rewards.parts import RewardParts, Scored, read_result
from awpo_verl.rewards.reasoning import RubricScore, make_case, make_task, rubric_score
from awpo_verl.rewards.reasoning.judge import NO_THINKING, NOT_ASKED, JudgeScore, Scorer, make_judge
from awpo_verl.rewards.row import Row, read_row
from awpo_verl.rewards.turns import OWN_TOKENS, Decoder, split_tokens


@dataclass(frozen=True)
class _Rollout:
    """One rollout, read: its row, the whole response as text, and what the checker and the rubric found in it."""

    row: Row
    text: str
    outcome_check: OutcomeCheck
    rubric: RubricScore


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
        self.compute_score: Callable[..., Any] = compute_score
        awpo = parse(config.algorithm.get("awpo"))
        self.reasoning_key, self.reasoning_range = awpo.reasoning_key, awpo.reasoning_range
        self.outcome_config, self.rubric_config = awpo.outcome, awpo.rubric
        self.judge: Scorer | None = None
        if awpo.reasoning_source == "judge":
            model: Any = config.reward.get("reward_model") or {}
            self.judge = make_judge(awpo.judge, reward_router_address, model.get("model_path"))
        self.has_custom_function = bool(config.reward.custom_reward_function.path)
        template = template_in_use(OmegaConf.select(config, "actor_rollout_ref.model"), tokenizer)
        call_format = find_call_format(self.outcome_config, template, stop=not self.has_custom_function)
        if call_format is not None and self.outcome_config.format == AUTO:
            self.outcome_config = dataclasses.replace(self.outcome_config, format=call_format.name)
        self.decoder = Decoder(tokenizer, call_format)
        self.router = (
            {}
            if reward_router_address is None
            else {"reward_router_address": reward_router_address, "reward_model_tokenizer": reward_model_tokenizer}
        )

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """Score one session's outputs (the last one, as verl does): {"reward_score", "reward_extra_info"}."""
        item: Any = data[-1]
        fields: dict[str, Any] = item.non_tensor_batch
        # off the event loop: the text may be long
        rollout: _Rollout = await self.loop.run_in_executor(None, self._read_rollout, item)
        scored = await self._score_outcome(rollout, fields)
        reasoning, judge_score = await self._score_reasoning(rollout, scored, fields.get("global_steps"))
        parts = RewardParts(
            outcome=scored.outcome,
            reasoning=reasoning,
            checks=rollout.outcome_check.as_info()
            | rollout.rubric.parts
            | (judge_score.as_info() if judge_score is not None else {}),
            extra=scored.extra,
            verl_rule=not rollout.outcome_check.checked and not self.has_custom_function,
        )
        return {"reward_score": scored.outcome, "reward_extra_info": parts.as_info(self.reasoning_key)}

    def _read_rollout(self, item: Any) -> _Rollout:
        """Read the row, decode the response, parse and check it once, and score its thinking by the rubric."""
        fields = item.non_tensor_batch
        tensors = item.batch
        prompt, response = split_tokens(tensors["input_ids"], tensors["attention_mask"], tensors["responses"])
        turns = self.decoder.decode(prompt, response, fields.get(OWN_TOKENS))
        row = read_row(
            fields["reward_model"]["ground_truth"],
            prompt=fields.get("raw_prompt"),
            extra_info=fields.get("extra_info"),
            data_source=fields.get("data_source"),
            between=turns.between,
        )
        # a user's function decides alone, also what the ground truth and the tools mean
        target = None if self.has_custom_function else row.target
        log: dict[str, Any] = fields.get("tool_extra_fields") or {}
        outcome_check = check_outcome(turns.own, target, self.outcome_config, log, turns.opened)
        if outcome_check.trajectory is not None:
            from awpo_verl.rewards.outcome.execution.rows import require_environment

            require_environment(row.extra_info)
        rubric = rubric_score(outcome_check.response, make_task(outcome_check, row), self.rubric_config)
        return _Rollout(row, turns.whole, outcome_check, rubric)

    async def _score_outcome(self, rollout: _Rollout, fields: dict[str, Any]) -> Scored:
        """The outcome from our checker, else from the user's function or verl's rule."""
        if rollout.outcome_check.checked:
            return Scored(rollout.outcome_check.outcome(self.outcome_config.match))
        return read_result(await self._compute_score(rollout.text, fields), self.reasoning_key)

    async def _score_reasoning(
        self, rollout: _Rollout, scored: Scored, step: object
    ) -> tuple[float | None, JudgeScore | None]:
        """The reasoning reward in `reasoning_range`, None = missing; and the judge's score, None = no judge in use."""
        if scored.has_reasoning:
            return scored.reasoning, None if self.judge is None else JudgeScore(status=NOT_ASKED)
        judge_score = None if self.judge is None else await _ask_judge(self.judge, rollout, step)
        reasoning = rollout.rubric.value if judge_score is None else judge_score.score
        if reasoning is not None:  # rubric and judge score in [0, 1]; the key has one scale
            low, high = self.reasoning_range
            reasoning = low + (high - low) * reasoning
        return reasoning, judge_score

    async def _compute_score(self, text: str, fields: dict[str, Any]) -> Any:
        """Call the user's function, or verl's rule for the data source, as verl's naive manager calls it."""
        extra_info: dict[str, Any] = dict(fields.get("extra_info") or {})
        tool_extra_fields: dict[str, Any] = fields.get("tool_extra_fields") or {}
        extra_info.update(tool_extra_fields)
        extra_info["num_turns"] = fields.get("__num_turns__")
        extra_info["rollout_reward_scores"] = fields.get("reward_scores", {})
        arguments = {
            "data_source": fields["data_source"],
            "solution_str": text,
            "ground_truth": fields["reward_model"]["ground_truth"],
            "extra_info": extra_info,
            **self.router,
        }
        try:
            if inspect.iscoroutinefunction(self.compute_score):
                return await self.compute_score(**arguments)
            result = await self.loop.run_in_executor(None, lambda: self.compute_score(**arguments))
            # an object with `async def __call__` is not a coroutine function, and returns a coroutine
            return await result if inspect.isawaitable(result) else result
        except NotImplementedError as error:
            if self.has_custom_function:
                raise
            raise ValueError(
                f"No outcome checker fits data_source={fields['data_source']!r}: its reward_model.ground_truth is not "
                '{"tool_calls": [...]}, verl has no rule for it, and reward.custom_reward_function is not set. '
                "Set one of the three."
            ) from error


async def _ask_judge(judge: Scorer, rollout: _Rollout, step: object) -> JudgeScore:
    """The judge's score for a rollout's thinking; 0 without asking where there is no closed thinking."""
    response = rollout.outcome_check.response
    if not response.has_thinking:
        return JudgeScore(score=0.0, status=NO_THINKING)
    return await judge.score(make_case(response, rollout.row), step)


def find_call_format(outcome_config: OutcomeConfig, template: Any, stop: bool) -> CallFormat | None:
    """The format of `outcome.format`; for `auto` the format of the chat template, None where it does not tell.

    Args:
        template: from `template_in_use`.
        stop: whether a template with a format that is not read stops the run. Else it is a warning: calls are then
            counted wrong in the rubric and in `n_calls`.

    Raises:
        AWPOConfigError: there is no such format, or the template's format is not read.
    """
    if outcome_config.format != AUTO:
        return find_format(outcome_config.format)
    try:
        call_format = format_of_template(template)
    except AWPOConfigError as error:
        if stop:
            raise
        print(f"[awpo] warning: {error} Your reward function decides; the rubric cannot read the calls.", flush=True)
        return None
    name = call_format.name if call_format else "any"
    how = (
        "told by the tokenizer's chat template" if call_format else "by each response's own marks; set it to be strict"
    )
    print(f"[awpo] algorithm.awpo.outcome.format=auto: {name}, {how}", flush=True)
    return call_format
