"""One rollout's use of an environment: nothing that a model writes hurts a worker or another rollout."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.rewards.outcome import ToolCall
from awpo_verl.rewards.outcome.execution import Limits, Session, SessionError
from tests.rewards.outcome.execution.environments import Counter, Rogue


def counter(limits: Limits | None = None, **initial) -> Session:
    return Session.open(Counter, {"count": 0, **initial}, limits)


def rogue(**limits) -> Session:
    return Session.open(Rogue, {}, Limits(**limits))


def test_a_call_answers_with_json_text_and_changes_the_state():
    session = counter(count=2)
    observation = session.call(ToolCall("add", {"amount": 3}))
    assert (observation.text, observation.failed) == ("5", False)
    assert session.state() == {"count": 5, "items": []}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (ToolCall("sub", {}), "Unknown tool 'sub'. The tools: add, read, push, pick."),
        (ToolCall("_secret", {}), "Unknown tool '_secret'."),
        (ToolCall("state", {}), "Unknown tool 'state'."),
        (ToolCall("__init__", {"initial": {}}), "Unknown tool '__init__'."),
        (ToolCall("add", {}), "'amount' is a required property. Use add(amount: integer)."),
        (ToolCall("add", {"amount": "3"}), "amount: '3' is not of type 'integer'. Use add(amount: integer)."),
        (ToolCall("add", {"amount": True}), "amount: True is not of type 'integer'."),
        (ToolCall("add", {"amount": 1, "self": 2}), "('self' was unexpected). Use add(amount: integer)."),
        (ToolCall("pick", {"color": "green"}), "color: 'green' is not one of ['red', 'blue']"),
        (ToolCall("add", {"amount": float("nan")}), "The arguments are not JSON"),
        (ToolCall("add", [1]), "must be a JSON object"),  # pyright: ignore[reportArgumentType]
        (ToolCall(["add"], {}), "Unknown tool"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_wrong_call_is_an_observation_that_says_how_to_call(call, says):
    session = counter()
    observation = session.call(call)
    assert observation.failed
    assert says in observation.text
    assert session.state() == {"count": 0, "items": []}
    assert [entry["ran"] for entry in session.log()["calls"]] == [False]


def test_an_optional_argument_may_be_left_out_or_null():
    for arguments in ({"color": "red"}, {"color": "red", "shade": None}):
        assert counter().call(ToolCall("pick", arguments)).text == '"red None"'


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (ToolCall("fail", {"how": "value"}), "Error: ValueError: told to"),
        (ToolCall("fail", {"how": "memory"}), "Error: MemoryError"),
        (ToolCall("fail", {"how": "exit"}), "Error: SystemExit"),
        (ToolCall("fail", {"how": "mute"}), "Error: MuteError"),
        (ToolCall("recurse", {}), "Error: RecursionError"),
        (ToolCall("not_json", {"what": "set"}), "Error: TypeError: Object of type set is not JSON serializable"),
        (ToolCall("not_json", {"what": "nan"}), "Error: ValueError"),
        (ToolCall("not_json", {"what": "self"}), "Error: ValueError: Circular reference"),
    ],
)
def test_what_a_tool_raises_is_an_observation_and_the_session_goes_on(call, says):
    session = rogue()
    observation = session.call(call)
    assert observation.failed
    assert observation.text.startswith(says)
    assert not session.call(ToolCall("flood", {"characters": 1})).failed


def test_a_keyboard_interrupt_in_a_tools_thread_is_the_tools_own():
    observation = rogue().call(ToolCall("fail", {"how": "interrupt"}))
    assert observation.failed
    assert observation.text.startswith("Error: KeyboardInterrupt")


def test_calls_past_the_limit_are_counted_and_not_logged():
    session = rogue(calls=2)
    for _ in range(5):
        session.call(ToolCall("flood", {"characters": 1}))
    assert (len(session.log()["calls"]), session.log()["beyond"]) == (2, 3)


@pytest.mark.parametrize("tool", ["loop", "stubborn"])
def test_a_call_out_of_time_is_stopped_and_ends_the_session(tool):
    before = set(threading.enumerate())
    session = rogue(call_seconds=0.1)
    observation = session.call(ToolCall(tool, {}))
    assert observation.failed
    assert observation.text == f"The tools are gone: the time for a call was up in {tool}."
    assert session.call(ToolCall("flood", {"characters": 1})) == observation
    assert session.log()["over"] == observation.text
    assert [thread for thread in set(threading.enumerate()) - before if thread.name == "awpo-tool"] == []
    with pytest.raises(SessionError, match="The state is undefined"):
        session.state()


def test_the_time_of_a_rollout_is_bounded_over_its_calls():
    session = rogue(call_seconds=10.0, rollout_seconds=1.0)
    texts = [session.call(ToolCall("sleep", {"seconds": seconds})).text for seconds in (0.05, 5.0)]
    assert texts == ["null", "The tools are gone: the time for a rollout's calls was up in sleep."]


def test_the_number_of_calls_is_bounded_failed_ones_included():
    session = counter(Limits(calls=2))
    session.call(ToolCall("sub", {}))
    session.call(ToolCall("add", {"amount": 1}))
    observation = session.call(ToolCall("add", {"amount": 1}))
    assert observation.text == "No more calls: 2 have been made, which is the limit."
    assert session.state()["count"] == 1


def test_an_observation_is_cut_and_says_so():
    # the JSON text of 100 characters has two quotes more
    observation = rogue(output_chars=11).call(ToolCall("flood", {"characters": 100}))
    assert observation.text == '"xxxxxxxxxx... [cut: 11 of 102 characters]'
    assert not observation.failed


def test_arguments_nested_too_deep_never_reach_the_tool():
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    session = counter()
    observation = session.call(ToolCall("push", {"item": deep}))
    assert "nested at most 32 deep" in observation.text
    assert session.log()["calls"][0]["arguments"] is None


def test_two_sessions_from_the_same_initial_state_share_nothing():
    initial = {"count": 0, "items": [{"a": 1}]}
    one, two = Session.open(Counter, initial), Session.open(Counter, initial)
    argument = {"b": 2}
    one.call(ToolCall("push", {"item": argument}))
    argument["b"] = 3  # the caller's, not the environment's
    one.state()["items"].clear()
    one.log()["calls"].clear()
    assert one.state()["items"] == [{"a": 1}, {"b": 2}]
    assert two.state()["items"] == initial["items"] == [{"a": 1}]
    assert len(one.log()["calls"]) == 1


def test_the_log_is_json_and_repeats_what_was_called_and_said():
    session = counter()
    session.call(ToolCall("add", {"amount": 1}))
    session.call(ToolCall("add", {}))
    log = session.log()
    assert json.loads(json.dumps(log, allow_nan=False)) == log
    assert log["environment"] == "tests.rewards.outcome.execution.environments:Counter"
    assert log["over"] == ""
    assert [(c["name"], c["arguments"], c["failed"], c["ran"]) for c in log["calls"]] == [
        ("add", {"amount": 1}, False, True),
        ("add", {}, True, False),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(name=st.sampled_from(["add", "push", "pick", "read"]) | st.text(), arguments=json_values)
def test_any_call_at_all_is_answered_with_text_that_can_be_encoded(name, arguments):
    session = counter()
    observation = session.call(ToolCall(name, arguments))
    assert observation.text.encode("utf-8").decode("utf-8") == observation.text
    (logged,) = json.loads(json.dumps(session.log(), allow_nan=False))["calls"]
    assert (logged["text"], logged["failed"]) == (observation.text, observation.failed)


def test_a_lone_surrogate_from_the_model_comes_back_as_its_escape():
    observation = counter().call(ToolCall("\ud800", {}))
    assert "\\ud800" in observation.text
    observation.text.encode("utf-8")


def test_an_environment_that_cannot_be_set_up_is_named():
    with pytest.raises(SessionError, match=r"Rogue cannot be set up from initial=.*this desk is broken"):
        Session.open(Rogue, {"broken": True})


@pytest.mark.parametrize("field", ["call_seconds", "rollout_seconds", "calls", "output_chars", "depth"])
@pytest.mark.parametrize("value", [0, -1, "3", True, float("nan")])
def test_a_limit_that_is_no_limit_is_refused(field, value):
    with pytest.raises(ValueError, match=f"limits.{field} is"):
        Limits(**{field: value})


def test_a_state_that_nests_too_deeply_is_wrong_and_no_crash():
    session = Session.open(Counter, {"count": 0, "items": []})
    deep: list = []
    for _ in range(300):
        deep = [deep]
    session.environment.items = deep  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(SessionError, match="nests deeper than 100"):
        session.state()
