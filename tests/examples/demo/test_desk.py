"""The desk: its references do what the question says, its rows are verl's, its splits do not overlap."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest

from awpo_verl.rewards.outcome import ToolCall, read_target
from awpo_verl.rewards.outcome.execution import (
    LOG_KEY,
    TOOLS_KWARGS_KEY,
    Session,
    match_rollout,
    path_of,
    resolve,
    tools_of,
)
from awpo_verl.workbench.data import splits
from examples.demo import desk

EXAMPLES = [desk.make_example(random.Random(f"{level}{i}"), level) for level in desk.DIFFICULTIES for i in range(60)]


def run(example: desk.Example, calls: list[dict]) -> dict:
    session = Session.open(desk.Desk, example.initial)
    for call in calls:
        session.call(ToolCall(call["name"], call["arguments"]))
    return {LOG_KEY: session.log()}


def truth(example: desk.Example) -> str:
    return desk.to_row(example, 0)["reward_model"]["ground_truth"]


def test_the_reference_calls_earn_the_full_outcome_and_nothing_less_does():
    for example in EXAMPLES:
        assert match_rollout(read_target(truth(example)).expected, run(example, example.calls)).ok
        assert not match_rollout(read_target(truth(example)).expected, {}).ok
        assert not match_rollout(read_target(truth(example)).expected, run(example, example.calls[:-1])).ok


def test_lookups_change_nothing_and_may_be_skipped():
    for example in EXAMPLES:
        writes = [call for call in example.calls if not call["name"].startswith(("find", "get", "check"))]
        assert match_rollout(read_target(truth(example)).expected, run(example, writes)).ok


def test_the_number_of_calls_goes_with_the_level():
    wanted = {"easy": 2, "medium": 3, "hard": 4}
    assert all(len(example.calls) == wanted[example.difficulty] == len(example.plan) for example in EXAMPLES)


def test_a_later_call_needs_what_an_earlier_one_said():
    # some argument of a later call is not in the question, and is in an earlier observation
    for example in EXAMPLES:
        log = run(example, example.calls)[LOG_KEY]["calls"]
        for index, call in enumerate(example.calls[1:], 1):
            new = [value for value in call["arguments"].values() if str(value) not in example.question]
            seen = " ".join(entry["text"] for entry in log[:index])
            assert new
            assert all(re.search(rf"\b{value}\b", seen) for value in new)


def test_every_tool_is_used_and_there_are_eight():
    used = {name for example in EXAMPLES for name in example.plan}
    assert used == set(tools_of(desk.Desk))
    assert len(used) == 8


@pytest.mark.parametrize(
    ("calls", "says"),
    [
        ([("find_order", {"customer": "Eve"})], "KeyError"),
        ([("get_order", {"order": 99})], "there is no order 99"),
        ([("ship", {"order": 47}), ("cancel", {"order": 47})], "order 47 is shipped"),
        ([("refund", {"order": 47, "amount": 19})], "amount must be from 1 to 18"),
        ([("refund", {"order": 47, "amount": 18}), ("refund", {"order": 47, "amount": 1})], "from 1 to 0"),
        ([("reserve", {"customer": "Ann", "item": "maps", "count": 6})], "5 maps are left"),
        ([("release", {"customer": "Eve"})], "KeyError"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(calls, says):
    order = {"customer": "Ann", "item": "maps", "count": 2, "paid": 18, "status": "open"}
    session = Session.open(desk.Desk, {"orders": {"47": order}, "stock": {"maps": 5}, "reserved": {}})
    observations = [session.call(ToolCall(name, arguments)) for name, arguments in calls]
    assert [observation.failed for observation in observations] == [False] * (len(calls) - 1) + [True]
    assert says in observations[-1].text


def test_goods_are_neither_made_nor_lost():
    def goods(state: dict) -> Counter:
        held = Counter(state["stock"])
        for order in state["orders"].values():
            if order["status"] != "cancelled":
                held[order["item"]] += order["count"]
        for kept in state["reserved"].values():
            held[kept["item"]] += kept["count"]
        return held

    for example in EXAMPLES:
        session = Session.open(desk.Desk, example.initial)
        before = goods(session.state())
        for call in example.calls:
            session.call(ToolCall(call["name"], call["arguments"]))
        assert goods(session.state()) == before


def test_the_split_of_an_example_never_changes_between_versions():
    # Written down once: a change here means that earlier held-out results are no longer comparable.
    splits = [desk.split_of(desk.make_example(random.Random(i), "hard")) for i in range(8)]
    assert splits == ["train", "train", "train", "train", "heldout", "train", "train", "train"]


def test_about_a_quarter_is_held_out():
    # 180 examples at 0.25: standard deviation 0.032, so 0.13 is four of them
    share = sum(desk.split_of(example) == "heldout" for example in EXAMPLES) / len(EXAMPLES)
    assert share == pytest.approx(splits.HELDOUT_SHARE, abs=0.13)


def test_write_parquet_writes_verl_rows_that_survive_parquet(tmp_path):
    import pyarrow.parquet as pq

    examples = desk.write_parquet(tmp_path / "new" / "train.parquet", "train", {"easy": 6, "hard": 4}, seed=1)
    rows = pq.read_table(tmp_path / "new" / "train.parquet").to_pylist()
    assert Counter(row["data_source"] for row in rows) == {"desk_easy": 6, "desk_hard": 4}
    for index, (row, example) in enumerate(zip(rows, examples, strict=True)):
        assert row == desk.to_row(example, index)
        assert desk.split_of(example) == "train"
        given = json.loads(row["extra_info"]["tools_kwargs"][TOOLS_KWARGS_KEY])
        assert given == {"environment": path_of(desk.Desk), "initial": example.initial}
        assert resolve(given["environment"]) is desk.Desk
        assert match_rollout(read_target(row["reward_model"]["ground_truth"]).expected, run(example, example.calls)).ok


@pytest.mark.parametrize(
    ("split", "counts", "says"),
    [
        ("test", {"easy": 1}, "split is 'test'"),
        ("train", {"brutal": 1}, "difficulty is 'brutal'"),
        ("train", {"easy": 2, "hard": -1}, "nothing to write"),
        ("train", {}, "nothing to write"),
    ],
)
def test_write_parquet_says_what_is_wrong(tmp_path, split, counts, says):
    with pytest.raises(ValueError, match=says):
        desk.write_parquet(tmp_path / "x.parquet", split, counts)
    assert not list(tmp_path.iterdir())
