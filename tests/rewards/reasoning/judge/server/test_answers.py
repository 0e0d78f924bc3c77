"""The whole answers of the judge server: completions, errors, and replies without a usable score."""

from __future__ import annotations

import json
import math
import socket

import pytest

from tests.rewards.reasoning.judge.judge_faults import HUGE
from tests.rewards.reasoning.judge.judge_server import score_of, text_of
from tests.rewards.reasoning.judge.server.http_requests import choice, post, raw, read_all, request


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
    reply = json.loads(body["choices"][0]["message"]["content"])
    assert list(reply) == ["reason", "score"]
    assert reply["score"] == score_of(text)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["object"] == "chat.completion"
    assert body["model"] == "m"
    assert body["usage"]["prompt_tokens"] == 7  # You judge. 2 + 2 is 5
    assert body["usage"]["total_tokens"] == 7 + body["usage"]["completion_tokens"]


def test_scores_cover_0_to_10():
    assert {score_of(f"text {i}") for i in range(300)} == set(range(11))


def test_text_that_is_not_unicode_gets_a_score(server, client):
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


def test_requests_share_a_connection_even_after_errors(server):
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


def test_unauthorized_repeats_the_key_but_the_log_does_not(server, client):
    server.set(mode="unauthorized")
    response = post(client, server, request("the key"), headers={"Authorization": "Bearer sk-secret"})
    assert response.status_code == 401
    assert "Bearer sk-secret" in response.json()["error"]["message"]
    assert server.log()[-1]["authorization_present"]
    post(client, server, request())
    assert not server.log()[-1]["authorization_present"]
    assert "sk-secret" not in server.log_path.read_text()


def test_malformed_content_is_not_json(server, client):
    server.set(mode="malformed")
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice(post(client, server, request()))["message"]["content"])


def test_truncated_content_is_the_beginning_of_the_reply(server, client):
    whole = choice(post(client, server, request()))["message"]["content"]
    server.set(mode="truncated")
    cut = choice(post(client, server, request()))
    assert cut["finish_reason"] == "length"
    assert cut["message"]["content"] == whole[: len(whole) // 2]


def test_wrong_scores_are_in_replies_that_parse(server, client):
    scores = []
    for mode in ("out_of_range", "nan", "string_score"):
        server.set(mode=mode)
        scores.append(json.loads(choice(post(client, server, request()))["message"]["content"])["score"])
    assert scores[0] == 9999
    assert math.isnan(scores[1])
    assert scores[2] == "10"


def test_answers_without_a_reply(server, client):
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


def test_huge_is_a_reply_of_32_megabytes(server, client):
    server.set(mode="huge")
    response = post(client, server, request())
    assert HUGE == 32 * 2**20 < len(response.content) < HUGE + 1000
    assert json.loads(choice(response)["message"]["content"])["score"] == score_of("Is 2 + 2 = 5?")
