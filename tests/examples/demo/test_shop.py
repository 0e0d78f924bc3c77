"""The synthetic shop task: its examples are right, its splits do not overlap, its rows are verl's."""

import json
import random
import re
from collections import Counter

import jsonschema
import pytest

from awpo_verl.workbench.data import splits
from examples.demo import shop


def _examples(n=2000, seed=0):
    rng = random.Random(seed)
    return [shop.make_example(rng, difficulty) for difficulty in shop.DIFFICULTIES for _ in range(n)]


EXAMPLES = _examples()


def test_the_same_seed_draws_the_same_examples_and_another_seed_draws_others():
    assert _examples(50, seed=3) == _examples(50, seed=3)
    assert _examples(50, seed=3) != _examples(50, seed=4)


def test_every_step_is_true_and_uses_numbers_of_the_question_or_of_an_earlier_step():
    for example in EXAMPLES:
        known = Counter(map(int, re.findall(r"\d+", example.question)))
        for step in example.steps:
            a, operator, b, result = re.fullmatch(r"(\d+)([*+])(\d+)=(\d+)", step).groups()
            a, b, result = int(a), int(b), int(result)
            assert result == (a * b if operator == "*" else a + b), step
            needed = Counter([a, b])
            assert needed <= known, (example, step)
            known = known - needed + Counter([result])
        # Every number is used up: what is left is the total, or the two totals of a purchase and a return.
        amounts = [call["arguments"]["amount"] for call in example.tool_calls if "amount" in call["arguments"]]
        totals = amounts or [int(re.fullmatch(r"That is (\d+)\.", example.answer)[1])]
        assert known == Counter(totals), example


def test_levels_take_one_two_and_four_steps():
    counts = {(example.difficulty, len(example.steps)) for example in EXAMPLES}
    assert counts == {("easy", 1), ("medium", 2), ("hard", 4)}


def test_parallel_calls_are_on_every_level_and_questions_without_a_call_on_easy_alone():
    seen = Counter((example.difficulty, len(example.tool_calls)) for example in EXAMPLES)
    assert set(seen) == {("easy", 0), ("easy", 1), ("easy", 2), ("medium", 1), ("medium", 2)} | {
        ("hard", 1),
        ("hard", 2),
        ("hard", 3),
    }
    assert min(seen.values()) > 200  # of 2000 on each level: none is a rarity


def test_an_example_has_an_answer_exactly_where_it_has_no_call():
    assert all(bool(example.answer) != bool(example.tool_calls) for example in EXAMPLES)


def test_every_call_fits_the_schema_of_its_tool():
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in shop.TOOLS}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    validators = {name: jsonschema.Draft202012Validator(schema) for name, schema in schemas.items()}
    used = Counter()
    for example in EXAMPLES:
        for call in example.tool_calls:
            assert set(call) == {"name", "arguments"}
            validators[call["name"]].validate(call["arguments"])
            used[call["name"]] += 1
    assert set(used) == set(schemas)  # no tool is there for show


def test_the_system_prompt_lists_exactly_the_tools():
    inside = re.search(r"<tools>\n(.*?)\n</tools>\n\n", shop.SYSTEM_PROMPT, re.DOTALL)[1]
    assert [json.loads(line) for line in inside.split("\n")] == list(shop.TOOLS)


def test_the_reference_response_reads_back_as_the_steps_and_calls_of_its_example():
    form = re.compile(r"<think>\n(.+?)\n</think>\n\n(.+)", re.DOTALL)
    for example in EXAMPLES:
        thinking, rest = form.fullmatch(shop.reference_response(example)).groups()
        assert thinking.split("\n") == example.steps
        blocks = re.findall(r"<tool_call>\n(.*?)\n</tool_call>", rest)
        assert [json.loads(block) for block in blocks] == example.tool_calls
        assert blocks or rest == example.answer


def test_a_reference_response_in_full():
    example = shop.Example(
        "Buy 3 lamps at 4 plus fee 7.",
        [{"name": "pay", "arguments": {"amount": 19}}],
        ["3*4=12", "12+7=19"],
        "medium",
    )
    thinking, call = shop.reference_response(example).split("\n\n")
    assert thinking == "<think>\n3*4=12\n12+7=19\n</think>"
    assert call == '<tool_call>\n{"name": "pay", "arguments": {"amount": 19}}\n</tool_call>'


def test_training_and_heldout_questions_are_disjoint_even_when_rearranged():
    def words(split):
        rng = random.Random(split)
        drawn = (shop.draw(rng, level, split) for level in shop.DIFFICULTIES for _ in range(1500))
        return {" ".join(sorted(example.question.lower().split())) for example in drawn}

    assert not words("train") & words("heldout")
    assert shop.split_of("Buy 3 lamps at 4 and 5 pens at 6.") == shop.split_of("buy 5 pens at 6  and 3 lamps at 4")


def test_about_a_quarter_of_the_questions_are_held_out():
    # 4000 different questions at 0.25: standard deviation 0.007, so 0.03 is four of them.
    questions = {example.question for example in EXAMPLES if example.difficulty != "easy"}
    share = sum(shop.split_of(question) == "heldout" for question in questions) / len(questions)
    assert share == pytest.approx(splits.HELDOUT_SHARE, abs=0.03)


def test_the_split_of_a_question_never_changes_between_versions():
    # Written down once: a change here means that earlier held-out results are no longer comparable.
    questions = [
        "Buy 3 lamps at 4.",
        "Return 2 pens at 9.",
        "Order and buy 5 maps at 6 plus fee 2.",
        "Buy 2 rugs at 2.",
    ]
    assert [shop.split_of(question) for question in questions] == ["train", "train", "heldout", "train"]


def test_write_parquet_writes_verl_rows_of_unique_questions(tmp_path):
    import pyarrow.parquet as pq

    path = tmp_path / "new" / "train.parquet"
    examples = shop.write_parquet(path, "train", {"easy": 40, "medium": 20, "hard": 30}, seed=1)
    rows = pq.read_table(path).to_pylist()
    assert Counter(row["data_source"] for row in rows) == {
        "shop_easy": 40,
        "shop_medium": 20,
        "shop_hard": 30,
    }
    assert len({row["prompt"][1]["content"] for row in rows}) == 90
    for index, (row, example) in enumerate(zip(rows, examples, strict=True)):
        assert row == {
            "data_source": f"shop_{example.difficulty}",
            "prompt": [
                {"role": "system", "content": shop.SYSTEM_PROMPT},
                {"role": "user", "content": example.question},
            ],
            "ability": "tool_use",
            "reward_model": {"style": "rule", "ground_truth": json.dumps({"tool_calls": example.tool_calls})},
            "extra_info": {
                "index": index,
                "difficulty": example.difficulty,
                "reasoning_steps": example.steps,
            },
        }
        assert shop.split_of(example.question) == "train"


def test_write_parquet_repeats_itself_for_a_seed(tmp_path):
    def write(name, seed):
        shop.write_parquet(tmp_path / name, "heldout", {"hard": 20}, seed=seed)
        return (tmp_path / name).read_bytes()

    assert write("a", 0) == write("b", 0)
    assert write("a", 0) != write("c", 1)


@pytest.mark.parametrize(
    ("split", "counts", "says"),
    [
        ("test", {"easy": 1}, "split is 'test'"),
        ("train", {"brutal": 1}, "difficulty is 'brutal'"),
        ("train", {"easy": -1}, "is -1"),
        ("train", {}, "nothing to write"),
        ("heldout", {"easy": 5000}, "has only about"),
    ],
)
def test_write_parquet_says_what_is_wrong(tmp_path, split, counts, says):
    with pytest.raises(ValueError, match=says):
        shop.write_parquet(tmp_path / "x.parquet", split, counts)
    assert not list(tmp_path.iterdir())
