"""The judge server of the tests does what its script says; else the tests of the judge would prove little."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.paths import ROOT
from tests.rewards.reasoning.judge.judge_faults import HUGE
from tests.rewards.reasoning.judge.judge_server import JudgeServer, Script, is_hit, score_of, text_of


@pytest.fixture(scope="module")
def running() -> Iterator[JudgeServer]:
    with JudgeServer(key_pattern=r"<question>(.*?)</question>", keep_bodies=True) as server:
        yield server


@pytest.fixture
def server(running: JudgeServer) -> JudgeServer:
    running.set(mode="ok")
    return running


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


def request(text: str = "Is 2 + 2 = 5?", **more: Any) -> dict[str, Any]:
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}


def post(client: httpx.Client, server: JudgeServer, body: dict[str, Any], **more: Any) -> httpx.Response:
    return client.post(f"{server.base_url}/chat/completions", json=body, **more)


def choice(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200
    return response.json()["choices"][0]


def raw(server: JudgeServer, body: dict[str, Any]) -> socket.socket:
    """A connection on which this request has been sent, by hand."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: judge\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data)
    return connection


def read_all(connection: socket.socket) -> list[bytes]:
    """The pieces that arrive until the server ends the connection, or the body is complete."""
    pieces: list[bytes] = []
    while piece := connection.recv(2**16):
        pieces.append(piece)
        head, end, body = b"".join(pieces).partition(b"\r\n\r\n")
        if end and len(body) >= promised(head):
            break
    return pieces


def promised(head: bytes) -> int:
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])


def test_a_good_answer_is_a_completion_with_the_score_of_its_text(server, client):
    asked = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "You judge."},
            {"role": "user", "content": [{"type": "text", "text": "2 + 2"}, {"type": "text", "text": "is 5"}]},
        ],
    }
    text = "You judge.\n2 + 2\nis 5"
    assert text_of(asked) == text
    body = post(client, server, asked).json()
    verdict = json.loads(body["choices"][0]["message"]["content"])
    assert list(verdict) == ["reason", "score"]
    assert verdict["score"] == score_of(text)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["object"] == "chat.completion"
    assert body["model"] == "m"
    assert body["usage"]["prompt_tokens"] == 7  # You judge. 2 + 2 is 5
    assert body["usage"]["total_tokens"] == 7 + body["usage"]["completion_tokens"]


def test_scores_cover_0_to_10():
    assert {score_of(f"text {i}") for i in range(300)} == set(range(11))


def test_text_that_is_no_unicode_is_scored_too(server, client):
    data = json.dumps(request("\ud800"))  # httpx would not
    response = client.post(f"{server.base_url}/chat/completions", content=data)
    assert json.loads(choice(response)["message"]["content"])["score"] == score_of("\ud800")


@pytest.mark.parametrize("reason", [True, False])
def test_the_reason_is_left_out_where_the_schema_has_none(server, client, reason):
    properties = {"score": {"type": "integer"}, **({"reason": {"type": "string"}} if reason else {})}
    schema = {"type": "json_schema", "json_schema": {"name": "v", "schema": {"properties": properties}}}
    content = choice(post(client, server, request(response_format=schema)))["message"]["content"]
    assert ("reason" in json.loads(content)) == reason


def test_models_health_and_unknown_paths(server, client):
    server.set(mode="error_500")  # faults are for completions
    assert client.get(f"{server.base_url}/models").json()["data"][0]["object"] == "model"
    assert client.get(f"http://127.0.0.1:{server.port}/health").status_code == 200
    assert client.get(f"{server.base_url}/nothing").status_code == 404
    assert client.post(f"{server.base_url}/chat/completions", content=b"{").status_code == 400


def test_requests_share_a_connection_also_after_errors(server):
    with raw(server, request()) as connection:
        for mode, status in (("ok", b"200"), ("error_500", b"500"), ("rate_limited", b"429"), ("ok", b"200")):
            server.set(mode=mode)
            read_all(connection)
            data = json.dumps(request()).encode()
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
            assert connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 " + status


@pytest.mark.parametrize(
    ("mode", "status"),
    [("error_500", 500), ("error_503", 503), ("rate_limited", 429), ("not_found", 404), ("bad_request", 400)],
)
def test_errors_have_their_status_and_the_form_of_openai(server, client, mode, status):
    server.set(mode=mode, retry_after=0.25)
    response = post(client, server, request())
    assert response.status_code == status
    assert {"message", "type", "code"} <= set(response.json()["error"])
    assert response.headers.get("retry-after") == ("0.25" if mode == "rate_limited" else None)


def test_unauthorized_leaks_the_key_and_the_log_does_not(server, client):
    server.set(mode="unauthorized")
    response = post(client, server, request("the key"), headers={"Authorization": "Bearer sk-secret"})
    assert response.status_code == 401
    assert "Bearer sk-secret" in response.json()["error"]["message"]
    assert server.log()[-1]["authorization_present"]
    post(client, server, request())
    assert not server.log()[-1]["authorization_present"]
    assert "sk-secret" not in server.log_path.read_text()


def test_malformed_content_is_no_json(server, client):
    server.set(mode="malformed")
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice(post(client, server, request()))["message"]["content"])


def test_truncated_content_is_the_beginning_of_the_verdict(server, client):
    whole = choice(post(client, server, request()))["message"]["content"]
    server.set(mode="truncated")
    cut = choice(post(client, server, request()))
    assert cut["finish_reason"] == "length"
    assert cut["message"]["content"] == whole[: len(whole) // 2]


def test_wrong_scores_are_in_verdicts_that_parse(server, client):
    scores = []
    for mode in ("out_of_range", "nan", "string_score"):
        server.set(mode=mode)
        scores.append(json.loads(choice(post(client, server, request()))["message"]["content"])["score"])
    assert scores[0] == 9999
    assert math.isnan(scores[1])
    assert scores[2] == "10"


def test_answers_without_a_verdict(server, client):
    server.set(mode="not_completion")
    page = post(client, server, request())
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    assert page.text.startswith("<html>")
    server.set(mode="empty")
    assert post(client, server, request()).json()["choices"] == []
    server.set(mode="refusal")
    message = choice(post(client, server, request()))["message"]
    assert message["content"] is None
    assert message["refusal"]


def test_huge_is_a_verdict_of_32_megabytes(server, client):
    server.set(mode="huge")
    response = post(client, server, request())
    assert HUGE == 32 * 2**20 < len(response.content) < HUGE + 1000
    assert json.loads(choice(response)["message"]["content"])["score"] == score_of("Is 2 + 2 = 5?")


def test_hang_takes_the_request_and_answers_nothing(server):
    server.set(mode="hang", seconds=600)
    before = len(server.log())
    with raw(server, request()) as connection:
        wait_for(lambda: len(server.log()) > before)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    server.set(mode="ok")
    with raw(server, request()) as connection:
        read_all(connection)
    wait_for(lambda: in_flight(server) == 1)  # the hanging one is over, as its client has left


def test_hang_ends_without_an_answer(server):
    server.set(mode="hang", seconds=0.05)
    with raw(server, request()) as connection:
        assert read_all(connection) == []


def test_drip_is_the_right_answer_byte_by_byte(server):
    with raw(server, request()) as connection:
        whole = b"".join(read_all(connection)).partition(b"\r\n\r\n")[2]
    server.set(mode="drip", seconds=0.1)
    start = time.monotonic()
    with raw(server, request()) as connection:
        body = b"".join(read_all(connection)).partition(b"\r\n\r\n")[2]
    assert time.monotonic() - start >= 0.1  # a sleep never ends early
    assert json.loads(body)["choices"] == json.loads(whole)["choices"]
    server.set(mode="drip", seconds=30)  # a byte in about 70 ms
    with raw(server, request()) as connection:
        pieces = [connection.recv(2**16) for _ in range(4)]
    assert 3 <= len(b"".join(pieces).partition(b"\r\n\r\n")[2]) < len(body)


def test_cut_ends_in_the_middle_of_the_body(server, client):
    server.set(mode="cut")
    with raw(server, request()) as connection:
        head, _, body = b"".join(read_all(connection)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert 0 < len(body) < promised(head)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        post(client, server, request())


def test_reset_resets_the_connection(server):
    server.set(mode="reset")
    with raw(server, request()) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_down_refuses_connections_ends_open_ones_and_comes_back_on_the_same_port(server, client):
    address = ("127.0.0.1", server.port)
    server.set(mode="hang")
    with raw(server, request()) as open_connection:
        server.set(mode="down")
        with pytest.raises(ConnectionResetError):
            open_connection.recv(1)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
    server.set(mode="ok")
    assert post(client, server, request()).status_code == 200


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


def test_the_share_goes_by_the_question_and_not_by_the_rest(server, client):
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


def test_without_a_match_the_share_goes_by_the_whole_text(server, client):
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


def test_first_attempts_only_is_mended_by_a_retry_of_the_same_body(server, client):
    server.set(mode="error_503", first_attempts_only=True)
    bodies = [request("a, for retries"), request("b, for retries")]
    statuses = [post(client, server, bodies[i]).status_code for i in (0, 0, 1, 0, 1)]
    assert statuses == [503, 200, 503, 200, 200]
    assert [record["attempt"] for record in server.log()[-5:]] == [1, 2, 1, 3, 2]
    server.set(mode="error_503", first_attempts_only=True)  # a new script counts anew, the log does not
    assert post(client, server, bodies[0]).status_code == 503
    assert server.log()[-1]["attempt"] == 4


def test_the_log_tells_what_came_and_how_many_at_a_time(server):
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


def test_the_schedule_goes_by_the_lines_of_its_file(tmp_path, client):
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


def test_a_wrong_script_is_refused_before_it_is_sent(server):
    with pytest.raises(ValueError, match="'broken' is none of ok, error_500"):
        server.set(mode="broken")
    with pytest.raises(TypeError, match="speed"):
        server.set(speed=1)
    with pytest.raises(ValueError, match="schedule_file"):
        JudgeServer(schedule=[{"mode": "ok"}])


def test_the_server_ends_with_the_block_and_with_its_parent(tmp_path):
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


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def in_flight(server: JudgeServer) -> int:
    """How many requests are being answered, with the one that this sends."""
    with raw(server, request()) as connection:
        read_all(connection)
    return server.log()[-1]["in_flight"]


def wait_for(happened: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
