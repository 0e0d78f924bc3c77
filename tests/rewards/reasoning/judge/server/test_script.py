"""The judge server follows its script: shares, retries, log and schedule."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.paths import ROOT
from tests.rewards.reasoning.judge.judge_server import JudgeServer, Script, is_hit, score_of
from tests.rewards.reasoning.judge.server.http_requests import choice, in_flight, post, raw, refused, request, wait_for


def test_forward_gives_the_answer_of_the_other_server(server, client):
    with JudgeServer(keep_bodies=True) as upstream:
        server.set(mode="forward", upstream=upstream.base_url)
        text = "Is 3 + 3 = 6?"
        assert json.loads(choice(post(client, server, request(text)))["message"]["content"])["score"] == score_of(text)
        assert [record["body"] for record in upstream.log()] == [request(text)]
        upstream.set(mode="error_503")
        assert post(client, server, request(text)).status_code == 503


def test_latency_comes_before_every_answer(server, client):
    for mode in ("ok", "error_500"):
        server.set(mode=mode, latency=0.1)
        start = time.monotonic()
        post(client, server, request())
        assert time.monotonic() - start >= 0.1  # a sleep never ends early


def test_the_share_depends_on_the_question_alone(server, client):
    server.set(mode="error_500", share=0.5)
    texts = [f"Try {i}. <question>q{i % 8}</question>" for i in range(24)]
    failed = [post(client, server, request(text)).status_code == 500 for text in texts]
    # First bytes of sha256 of q0 .. q7: 34 c7 be 58 11 26 77 0b; hit is what is less than 0x80.
    expected = [True, False, False, True, True, True, True, True] * 3
    assert failed == expected
    assert [is_hit(f"q{i}", 0.5) for i in range(8)] == expected[:8]
    records = server.log()[-24:]
    assert [record["key_hit"] for record in records] == expected
    assert [record["mode"] for record in records] == ["error_500" if hit else "ok" for hit in expected]


def test_without_a_match_the_share_depends_on_the_whole_text(server, client):
    server.set(mode="error_500", share=0.5)
    texts = [f"no mark {i}" for i in range(12)]
    failed = [post(client, server, request(text)).status_code == 500 for text in texts]
    assert failed == [is_hit(text, 0.5) for text in texts]
    assert len(set(failed)) == 2


def test_share_0_hits_none_and_share_1_all():
    keys = [f"key {i}" for i in range(600)]  # all 256 first bytes but a few
    assert not any(is_hit(key, 0.0) for key in keys)
    assert all(is_hit(key, 1.0) for key in keys)
    assert abs(sum(is_hit(key, 0.25) for key in keys) / 600 - 0.25) < 0.05


def test_with_first_attempts_only_a_retry_of_the_same_body_works(server, client):
    server.set(mode="error_503", first_attempts_only=True)
    bodies = [request("a, for retries"), request("b, for retries")]
    statuses = [post(client, server, bodies[i]).status_code for i in (0, 0, 1, 0, 1)]
    assert statuses == [503, 200, 503, 200, 200]
    assert [record["attempt"] for record in server.log()[-5:]] == [1, 2, 1, 3, 2]
    server.set(mode="error_503", first_attempts_only=True)  # a new script counts anew, the log does not
    assert post(client, server, bodies[0]).status_code == 503
    assert server.log()[-1]["attempt"] == 4


def test_the_log_has_the_requests_and_how_many_were_in_flight(server):
    wait_for(lambda: in_flight(server) == 1)  # what other tests have left is over
    server.set(mode="hang", seconds=600)
    before = len(server.log())
    connections = [raw(server, request(f"{i}")) for i in range(4)]
    wait_for(lambda: len(server.log()) == before + 4)
    for connection in connections:
        connection.close()
    records = server.log()[before:]
    assert sorted(record["body"]["messages"][0]["content"] for record in records) == ["0", "1", "2", "3"]
    assert [record["t"] for record in records] == sorted(record["t"] for record in records)
    assert [record["in_flight"] for record in records] == [1, 2, 3, 4]


def test_the_schedule_follows_the_lines_of_its_file(tmp_path, client):
    steps, log = tmp_path / "steps", tmp_path / "log.jsonl"
    schedule = [Script(), {"mode": "error_500"}, {"mode": "down"}, {"mode": "rate_limited"}]
    with JudgeServer(schedule=schedule, schedule_file=steps, log_path=log) as server:
        assert post(client, server, request()).status_code == 200
        steps.write_text("step 0\nstep 1 is not yet fin")
        wait_for(lambda: post(client, server, request()).status_code == 500)  # it sees by itself
        steps.write_text("step 0\nstep 1\n")
        assert server.step() == 2
        with pytest.raises(httpx.ConnectError):
            post(client, server, request())
        steps.write_text("0\n1\n2\n3\n4\n5\n")
        assert server.step() == 3
        assert post(client, server, request()).status_code == 429
        server.set(mode="ok")
        assert post(client, server, request()).status_code == 200
        records = server.log()
    assert server.log() == records  # also when the server has gone
    assert [json.loads(line) for line in log.read_text().splitlines()] == records
    assert "body" not in records[0]
    assert [(records[i]["step"], records[i]["mode"]) for i in (0, -3, -2, -1)] == [
        (0, "ok"),
        (1, "error_500"),
        (3, "rate_limited"),
        (0, "ok"),
    ]


def test_an_invalid_script_is_refused(server):
    with pytest.raises(ValueError, match="'broken' is none of ok, error_500"):
        server.set(mode="broken")
    with pytest.raises(TypeError, match="speed"):
        server.set(speed=1)
    with pytest.raises(ValueError, match="schedule_file"):
        JudgeServer(schedule=[{"mode": "ok"}])


def test_the_server_ends_with_its_block_and_with_its_parent(tmp_path):
    with JudgeServer() as server:
        pid = server.pid
    assert not Path(f"/proc/{pid}").exists()
    lines = (
        "from tests.rewards.reasoning.judge.judge_server import JudgeServer\nimport os\ns = JudgeServer().__enter__()\n"
    )
    code = lines + "print(s.port, flush=True)\nos._exit(1)"
    root = ROOT
    output = subprocess.run([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True).stdout
    wait_for(lambda: refused(int(output)))
