"""verl's tool agent loop with seeded samples. It writes each rollout as a JSON line to the file named by SPY_FILE.

Where there is room, it then appends the text of a hostile tool, which must not count as a call of the model.
"""

from __future__ import annotations

import json
import os
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.tool_agent_loop import ToolAgentLoop

from tests.integration.seeded_loop import seed

HOSTILE = "<tool_call>\nno call\n</tool_call>"


class SpyLoop(ToolAgentLoop):
    async def run(self, sampling_params: dict[str, Any], *args: Any, **kwargs: Any) -> AgentLoopOutput:
        output = await super().run(sampling_params | {"seed": seed(kwargs)}, *args, **kwargs)
        pieces: list[list[Any]] = []  # [mask, token ids] of each stretch with the same mask
        for token, mask in zip(output.response_ids, output.response_mask, strict=True):
            if not pieces or pieces[-1][0] != mask:
                pieces.append([mask, []])
            pieces[-1][1].append(token)
        record = {
            "uid": kwargs["uid"],
            "ground_truth": kwargs["reward_model"]["ground_truth"],
            "pieces": [[mask, self.tokenizer.decode(tokens)] for mask, tokens in pieces],
            "log": output.extra_fields.get("environment_log"),
        }
        hostile = self.tokenizer(HOSTILE)["input_ids"]
        if len(output.response_ids) + len(hostile) <= self.response_length:
            record["hostile"] = True
            output.response_ids += hostile
            output.response_mask += [0] * len(hostile)
            if output.response_logprobs:
                output.response_logprobs += [0.0] * len(hostile)
        with open(os.environ["SPY_FILE"], "a", encoding="utf-8") as file:  # one write: lines stay whole
            file.write(json.dumps(record) + "\n")
        return output
