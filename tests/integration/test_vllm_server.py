"""The server of the tests is a real vLLM: it holds a model to a JSON schema, and says why when it cannot start."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from awpo_verl.tasks import tiny_model
from tests.integration.vllm_server import serve

pytestmark = pytest.mark.loop

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "enum": list(range(11))}},
    "required": ["score"],
    "additionalProperties": False,
}


def make_model(folder: Path) -> Path:
    """A random tiny Qwen3 with room for a long prompt."""
    settings = tiny_model.ModelSettings(max_length=4096, layers=2, hidden_size=128, intermediate_size=256)
    tokenizer = tiny_model.make_tokenizer(settings, ["A judge of reasoning scores it from 0 to 10."] * 2, ["score"])
    tiny_model.save(tiny_model.make_model(settings, tokenizer, seed=0), tokenizer, folder)
    return folder


async def ask(base_url: str, text: str) -> str | None:
    async with AsyncOpenAI(base_url=base_url, api_key="none", timeout=120, max_retries=0) as client:
        completion = await client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": text}],
            temperature=0,
            max_completion_tokens=50,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True},
            },
        )
    assert completion.choices[0].finish_reason == "stop"
    return completion.choices[0].message.content


def test_a_tiny_model_answers_by_the_schema(tmp_path):
    log = tmp_path / "vllm.log"
    with serve(make_model(tmp_path / "model"), "tiny", log) as base_url:
        for text in ("Score this.", "Reasoning. " * 200):
            answer = json.loads(asyncio.run(ask(base_url, text)) or "")
            assert list(answer) == ["score"]
            assert answer["score"] in range(11)
    assert "Application shutdown complete" in log.read_text()


def test_a_server_that_dies_is_reported_with_its_log(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"(?s)exit code 1;.*no_such_model"),
        serve(tmp_path / "no_such_model", "tiny", tmp_path / "vllm.log"),
    ):
        pass
