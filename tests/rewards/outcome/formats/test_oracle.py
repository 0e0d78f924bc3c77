"""Our readings of the cases, by hand, and how they compare with vLLM's and verl's own parsers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.rewards.outcome import parse_response, parse_tools
from awpo_verl.rewards.outcome.formats import FORMATS
from tests.paths import ROOT
from tests.rewards.outcome.formats.cases import CASES, TOOLS, Case
from tests.rewards.outcome.formats.cases.differences import DIFFERENCES

RESULTS = ROOT / "benchmarks" / "call_formats" / "results.json"
KNOWN_TOOLS = parse_tools(TOOLS)


@pytest.mark.parametrize(
    ("format", "case"),
    [pytest.param(format, case, id=f"{format}, {case.name}") for format, cases in CASES.items() for case in cases],
)
def test_a_case_is_read_as_it_is_written_down(format: str, case: Case) -> None:
    response = parse_response(case.text, format, KNOWN_TOOLS if case.tools else None)
    # repr tells 1 from 1.0 and from True
    assert repr(response.calls) == repr(case.calls)
    assert (response.content, response.thinking) == (case.content, case.thinking)
    assert len(response.problems) == bool(case.problem)
    assert case.problem in "".join(response.problems)


def test_every_format_that_a_server_parses_has_cases_of_different_names() -> None:
    assert set(CASES) == set(FORMATS) - {"toolrl"}  # no server parses ToolRL's
    for format, cases in CASES.items():
        names = [case.name for case in cases]
        assert len(names) >= 20
        assert len(set(names)) == len(names)
        assert DIFFERENCES[format].keys() <= set(names)


def test_the_servers_agree_and_differ_exactly_where_the_cases_say(tmp_path: Path) -> None:
    """In a process of its own, for importing vLLM takes ten seconds and sets up logging."""
    if find_spec("vllm") is None:
        pytest.skip("vLLM is not installed")
    written = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.call_formats", "--json", str(written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.stdout.startswith("vLLM cannot be imported"):
        pytest.skip(done.stdout.strip())
    kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    if found["servers"] != kept["servers"]:
        pytest.skip(f"the reasons are those of {kept['servers']}, and {found['servers']} are installed")
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    assert found == kept, "run `python -m benchmarks.call_formats`"
