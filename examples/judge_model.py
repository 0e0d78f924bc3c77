"""A judge's model of your own: a reward model that answers with a number, as the reasoning reward.

python examples/judge_model.py shows it; reward.custom_reward_function.path=examples/judge_model.py uses it.

`Judge` puts the cache, the deadline, the retries and the circuit breaker around it. The keys of `as_info` bring its
metrics, `awpo/judge/*`. Continue with docs/judge.md: what each limit and each metric means.
"""

import asyncio
import functools
import json
import os
import urllib.request

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import Case, Judge, JudgeModel, JudgeReply, Prompt, RequestError

SERVER = os.environ.get("SCORE_SERVER", "http://127.0.0.1:9/score")


class ScoreServer(JudgeModel):
    """Sends chat messages, and reads {"score": a number in [0, 1]}."""

    name = "score-server-1"  # in log lines and cache keys

    def write_prompt(self, case):
        return Prompt(({"role": "user", "content": case.conversation}, {"role": "assistant", "content": case.thinking}))

    async def ask(self, prompt, sample, timeout):
        try:
            reply = await asyncio.to_thread(post, SERVER, {"messages": prompt.messages}, timeout)
            return JudgeReply(score=min(1.0, max(0.0, float(reply["score"]))), reason="")
        except OSError as error:
            raise RequestError("connection", str(error), retry=True) from None
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError("malformed", str(error), retry=False, healthy=True) from None


def post(url, value, timeout):
    request = urllib.request.Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        return json.loads(reply.read(1000))


@functools.cache
def make_judge():
    """One judge for each reward worker."""
    return Judge(JudgeConfig(deadline=30.0, retries=1, cache=os.environ.get("SCORE_CACHE", "")), ScoreServer())


async def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    thinking, _, answer = solution_str.rpartition("</think>")
    question = str((extra_info or {}).get("question", ""))
    score = await make_judge().score(Case(conversation=question, thinking=thinking.removeprefix("<think>")))
    return {"outcome": float(answer.strip() == ground_truth), "reasoning": score.score, **score.as_info()}


if __name__ == "__main__":
    found = asyncio.run(compute_score("sums", "<think>2 and 2 is 4.</think>4", "4"))
    print({key: found[key] for key in ("outcome", "reasoning", "judge_status", "judge_requests", "judge_retries")})
