"""Texts with calls in every format that vLLM, verl or SGLang can parse, and how we read each.

The structures come from the servers' own tests, the texts are ours. Where a server reads other calls, the case says why
(`Case.differs`). benchmarks/call_formats compares the readings, and test_oracle.py checks both sides.
"""

from __future__ import annotations

from dataclasses import replace

from tests.rewards.outcome.formats.cases import dsml_cases, json_cases, notation_cases, section_cases, tagged_cases
from tests.rewards.outcome.formats.cases.case import TOOLS, Case, Difference
from tests.rewards.outcome.formats.cases.differences import DIFFERENCES

__all__ = ["CASES", "TOOLS", "Case", "Difference"]

_CASES: dict[str, list[Case]] = {
    "gpt_oss": section_cases.GPT_OSS,
    "seed": tagged_cases.SEED,
    "minimax": tagged_cases.MINIMAX,
    "kimi": section_cases.KIMI,
    "deepseek_v32": dsml_cases.DEEPSEEK_V32,
    "deepseek_v4": dsml_cases.DEEPSEEK_V4,
    "deepseek_v3": section_cases.DEEPSEEK_V3,
    "deepseek_v31": section_cases.DEEPSEEK_V31,
    "gemma4": notation_cases.GEMMA4,
    "functiongemma": notation_cases.FUNCTIONGEMMA,
    "glm": tagged_cases.GLM,
    "olmo3": notation_cases.OLMO3,
    "qwen3_coder": tagged_cases.QWEN3_CODER,
    "phi4_mini": json_cases.PHI4_MINI,
    "xlam": json_cases.XLAM,
    "granite": json_cases.GRANITE,
    "hermes": json_cases.HERMES,
    "mistral": json_cases.MISTRAL,
    "pythonic": notation_cases.PYTHONIC,
    "llama3_json": json_cases.LLAMA3_JSON,
}

CASES: dict[str, list[Case]] = {
    format: [replace(case, differs=DIFFERENCES.get(format, {}).get(case.name, {})) for case in cases]
    for format, cases in _CASES.items()
}
