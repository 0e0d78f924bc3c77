"""Reading the judge's reply: the whole text has the right form, or it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.reasoning.judge.prompt import Scale
from awpo_verl.rewards.reasoning.judge.reply import (
    MAX_REASON_CHARS,
    MAX_REPLY_CHARS,
    BadReplyError,
    read_reply,
    response_format,
)

TEN = Scale(0.0, 10.0)
FIVE = Scale(1.0, 5.0)


def kind_of(text: object, scale: Scale = TEN) -> str:
    with pytest.raises(BadReplyError) as caught:
        read_reply(text, scale)
    return caught.value.kind


@pytest.mark.parametrize(
    ("text", "scale", "score"),
    [
        ('{"score": 7}', TEN, 0.7),
        ('{"reason": "sound", "score": 10}', TEN, 1.0),
        (' \n{"score": 0}\n', TEN, 0.0),
        ('{"score": 7.5}', TEN, 0.75),
        ('{"score": 1}', FIVE, 0.0),  # (1 - 1) / (5 - 1)
        ('{"score": 4}', FIVE, 0.75),  # (4 - 1) / (5 - 1)
        ('{"score": 0}', Scale(-2.0, 2.0), 0.5),  # (0 + 2) / 4
        ('```json\n{"score": 7}\n```', TEN, 0.7),
        ('```\n{"score": 7}\n```', TEN, 0.7),
        ('<think>Perhaps {"score": 2}?</think>{"score": 7}', TEN, 0.7),
        ('<think>a</think> b </think>\n```json\n{"score": 7}\n```', TEN, 0.7),
        ('{"score": 7, "confidence": "high"}', TEN, 0.7),
    ],
)
def test_a_score_is_mapped_to_the_unit_interval(text: str, scale: Scale, score: float) -> None:
    assert read_reply(text, scale).score == pytest.approx(score)


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "The score is 7.", "[7]", '"7"', "null", "{}", '{"Score": 7}', '{"grade": 7}'),
        *('{"score": "7"}', '{"score": true}', '{"score": null}', '{"score": [7]}', '{"score": {"value": 7}}'),
        *('{"score": NaN}', '{"score": Infinity}', '{"score": -Infinity}', '{"score": 1e999}'),
        '{"score": 7} Does this help?',
        'Here it is: {"score": 7}',
        '{"score": 2}\n{"score": 7}',
        '{"score": 2, "score": 7}',  # readers disagree on which one counts
        '{"score": 7',
        '```json\n{"score": 7}',
        '{"score": 7}</think>',  # what precedes </think> is the judge's thinking
        '{"score": ' + "9" * 400 + "}",  # no float holds it
        '{"score": ' + "[" * 50 + "]" * 50 + "}",
        "[" * 60_000,
        '{"score": 7' + " " * MAX_REPLY_CHARS + "}",
    ],
)
def test_a_reply_in_another_form_is_malformed(text: str) -> None:
    assert kind_of(text) == "malformed"


@pytest.mark.parametrize("value", [None, 7, 7.0, ["x"], {"score": 7}, b'{"score": 7}', True])
def test_content_that_is_not_text_is_malformed(value: object) -> None:
    assert kind_of(value) == "malformed"


@pytest.mark.parametrize("score", ["-1", "11", "10.000001", "-0.5", "9999", "1" + "0" * 60, "-1e300"])
def test_a_number_outside_the_scale_is_out_of_range(score: str) -> None:
    assert kind_of(f'{{"score": {score}}}') == "out_of_range"


def test_the_reason_is_one_printable_line_of_bounded_length() -> None:
    reply = read_reply('{"reason": "a\\n\\tb\\u202e\\ud800 c\\u0000", "score": 1}', TEN)
    assert reply.reason == "a b?? c?"
    assert len(read_reply(f'{{"reason": "{"x" * 9999}", "score": 1}}', TEN).reason) == MAX_REASON_CHARS
    for other in ("", '"reason": 5, ', '"reason": null, '):
        assert read_reply(f'{{{other}"score": 1}}', TEN).reason == ""


@given(st.text() | st.sampled_from(["<think>", "```", '{"score": 7}', "</think>", "\n"]).flatmap(lambda a: st.just(a)))
def test_any_text_is_a_score_or_a_bad_reply(text: str) -> None:
    try:
        assert 0.0 <= read_reply(text, TEN).score <= 1.0
    except BadReplyError as error:
        assert error.kind in ("malformed", "out_of_range")  # noqa: PT017


@given(st.integers(0, 10))
def test_higher_numbers_are_higher_scores(score: int) -> None:
    assert read_reply(f'{{"score": {score}}}', TEN).score == score / 10


def test_the_schema_lists_the_numbers_and_asks_for_the_reason_first() -> None:
    form = response_format("json_schema", FIVE, explain=True)
    assert form is not None
    schema = form["json_schema"]["schema"]
    assert list(schema["properties"]) == ["reason", "score"] == schema["required"]
    assert schema["properties"]["score"] == {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    assert schema["additionalProperties"] is False


def test_the_schema_without_a_reason_or_a_list_of_numbers() -> None:
    for scale in (Scale(0.0, 1.5), Scale(0.0, 1000.0)):
        form = response_format("json_schema", scale, explain=False)
        assert form is not None
        assert form["json_schema"]["schema"]["properties"] == {"score": {"type": "number"}}


def test_response_formats_without_a_schema() -> None:
    assert response_format("json_object", TEN, True) == {"type": "json_object"}
    assert response_format("text", TEN, True) is None
