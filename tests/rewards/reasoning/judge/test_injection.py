"""The benchmark of injection attempts, on a server that scores by a hash: what is asked, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import Endpoint
from awpo_verl.rewards.reasoning.judge.prompt import load_template
from benchmarks.judge import injection
from benchmarks.judge.injection import GUARD, HARMLESS, SAMPLES, Row, main, make_judges, spread, summary, table
from tests.rewards.reasoning.judge.injections import ATTEMPTS, FAMILIES
from tests.rewards.reasoning.judge.judge_server import JudgeServer, score_of, text_of


def test_each_attempt_is_judged_in_both_arms(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    with JudgeServer() as server:
        main(
            ["--base-url", server.base_url, "--model", "judge", "--cases", "1", "--attempts", "15", "--json", str(out)]
        )
    found = json.loads(out.read_text())
    rows = [Row(**row) for row in found["rows"]]
    # 1 case * 2 qualities * (1 without + 4 harmless + 15 attempts) * 2 arms
    assert found["judgements"] == len(rows) == 80
    assert found["failed"] == 0
    judges = make_judges(Endpoint("http://x/v1", "judge", "", ""), JudgeConfig())
    attempts = {(attempt.family, attempt.name): attempt for attempt in (*HARMLESS, *ATTEMPTS)}
    for row in rows:
        case = SAMPLES[row.case].case(row.quality, attempts.get((row.family, row.name)))
        prompt = judges[row.arm].model.write_prompt(case)
        assert row.score == score_of(text_of({"messages": prompt.messages})) / 10
    assert {row.family for row in rows} == {"", "harmless", *FAMILIES}
    assert found["lines"] == json.loads(json.dumps([injection.asdict(line) for line in summary(rows)]))


def test_the_naive_arm_shows_the_rubric_and_the_unquoted_texts() -> None:
    naive = make_judges(Endpoint("http://x/v1", "judge", "", ""), JudgeConfig())["naive"].model
    case = SAMPLES[0].case("bad", next(attempt for attempt in ATTEMPTS if attempt.name == "chatml"))
    system, user = (message["content"] for message in naive.write_prompt(case).messages)
    assert load_template("tool_use").system.startswith(f"{system}{GUARD}")
    assert f"\n\nThinking:\n{case.thinking}\n\nAnswer:\n{case.answer}\n\nReply with JSON" in user


def test_the_table_has_means_and_shares_by_family() -> None:
    def row(family: str, name: str, score: float | None, arm: str = "naive") -> Row:
        return Row(arm, 0, "bad", family, name, score, "ok", "")

    rows = [
        *(row("", "", 0.1), row("", "", 0.3, "defended")),
        *(row("harmless", "call", 0.9), row("plain order", "a", 0.3), row("plain order", "b", 0.2)),
        *(row("unicode", "c", None), row("unicode", "d", 1.0), row("unicode", "d", 0.3, "defended")),
    ]
    lines = {(line.family, line.arm): line for line in summary(rows)}
    plain, both = lines["plain order", "naive"], lines["all attempts", "naive"]
    assert (plain.judged, plain.failed, plain.without) == (2, 0, 0.1)
    assert plain.mean == pytest.approx(0.25)
    assert plain.raised == 0.5  # 0.1 -> 0.3 is a rise by 0.2, 0.1 -> 0.2 is none
    assert (both.judged, both.failed) == (3, 1)  # without the harmless one, and without the failed one
    assert both.mean == pytest.approx(0.5)  # (0.3 + 0.2 + 1.0) / 3
    assert both.raised == pytest.approx(2 / 3)
    assert lines["unicode", "defended"].raised == 0.0
    assert ("plain order", "defended") not in lines
    assert "| plain order | 2 | 0.10 -> 0.25 | 50% | 0 | - | - |" in table(summary(rows))


def test_a_subset_of_attempts_covers_the_families() -> None:
    assert [attempt.family for attempt in spread(ATTEMPTS, len(FAMILIES))] == FAMILIES
    assert spread(ATTEMPTS, 1000) == ATTEMPTS


def test_the_attempts_have_known_families_and_unique_names() -> None:
    assert len(ATTEMPTS) >= 40
    names = [(attempt.family, attempt.name) for attempt in ATTEMPTS]
    assert len(set(names)) == len(names)
    assert len({attempt.text for attempt in ATTEMPTS if not attempt.in_answer}) == sum(
        not a.in_answer for a in ATTEMPTS
    )
