"""Score ToolRL's data with our outcome check and with verl's fork of ToolRL's reward (verl.utils.reward_score.rlla).

    python -m benchmarks.outcome.toolrl path/to/toolrl

The folder has two files of github.com/qiancheng0/ToolRL (Apache-2.0): dataset/rlla_4k/test.parquet (80 prompts with
ground truth) and dataset/rlla_4k_raw/rlla_sft.json (400 samples with real thinking). Every ground truth and sample is
scored against itself, and then with a changed answer. Prints a table of both rewards and writes
benchmarks/outcome/toolrl.json. The exit code is 1 if one does not score 1 against itself.

Our reward is `graded`, in [0, 1]. Theirs is the accuracy, mapped from -3..3 to [0, 1] (0.5 where no call is expected,
which ToolRL does not score), and the format reward, in [0, 1]. The expected calls are read as ToolRL reads them, one
JSON object a line, without our parser.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
from rich.console import Console
from rich.table import Table
from verl.utils.reward_score import rlla

from awpo_verl.rewards.outcome import match_calls, parse_response, read_expected_calls

Calls = list[dict[str, Any]]
THINK = "<think> I should use the right tool. </think>"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with test.parquet and rlla_sft.json")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    prompts, samples = read(options.data)
    rows = {
        "80 ground truths, as they are": summary([score(text, text) for text in prompts]),
        "400 samples, as they are": summary([score(text, placeholder(text)) for text in samples]),
    }
    selves = all(row["ours_exact"] == 1.0 for row in rows.values())
    mentions = [text for text in samples if "<tool_call>" in text.partition("</think>")[0]]
    rows["of these, <tool_call> in the thinking"] = summary([score(text, placeholder(text)) for text in mentions])
    rows["80 ground truths, as they are"]["note"] = "ToolRL does not score the 9 that expect no call"
    rows["of these, <tool_call> in the thinking"]["note"] = "ToolRL reads the first <tool_call> of the text"
    for name, (mutate, note) in MUTATIONS.items():
        scores = []
        for truth in prompts:
            calls = expected(truth)
            if calls and (text := mutate(calls)) is not None:
                scores.append(score(text, truth))
        rows[name] = {**summary(scores), "note": note}
    show(rows)
    options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if selves else 1


def read(folder: Path) -> tuple[list[str], list[str]]:
    """The ground truths of the prompts, and the outputs of the samples."""
    table = pandas.read_parquet(folder / "test.parquet")
    samples = json.loads((folder / "rlla_sft.json").read_text(encoding="utf-8"))
    return [item["ground_truth"] for item in table["reward_model"]], [item["output"] for item in samples]


def placeholder(sample: str) -> str:
    """A sample as a ground truth, with the short thinking of ToolRL's ground truths."""
    return THINK + sample.rpartition("</think>")[2]


def expected(truth: str) -> Calls:
    """The calls of a ground truth; empty if it only has a response."""
    answer = truth.rpartition("</think>")[2]
    if "<tool_call>" not in answer:
        return []
    lines = answer.partition("<tool_call>")[2].partition("</tool_call>")[0].strip().split("\n")
    return [json.loads(line) for line in lines]


def score(text: str, truth: str) -> tuple[float, bool, float, float]:
    """Ours, whether it is exact, and ToolRL's accuracy and format, all in [0, 1]."""
    calls = [{"name": call["name"], "arguments": call["parameters"]} for call in expected(truth)]
    wanted = read_expected_calls(json.dumps({"tool_calls": calls}))
    match = match_calls(parse_response(text, "toolrl"), wanted or ())
    with contextlib.redirect_stdout(io.StringIO()):  # it prints one result in 64
        theirs = rlla.compute_score("rlla", text, truth, {"experiment_name": "qwen"})
    return match.graded, match.exact, (theirs["accuracy_reward"] + 3) / 6, theirs["format_reward"]


def summary(scores: list[tuple[float, bool, float, float]]) -> dict[str, Any]:
    ours, exact, accuracy, form = zip(*scores, strict=True)
    means = {
        "ours_graded": statistics.mean(ours),
        "ours_exact": statistics.mean(map(float, exact)),
        "toolrl_accuracy": statistics.mean(accuracy),
        "toolrl_format": statistics.mean(form),
    }
    return {"n": len(scores), **{name: round(mean, 4) for name, mean in means.items()}}


def written(calls: Calls, **style: Any) -> str:
    """The calls as ToolRL writes them: one block, one line per call."""
    lines = "\n".join(json.dumps(call, **style) for call in calls)
    return f"{THINK}\n<tool_call>\n{lines}\n</tool_call>"


def values(calls: Calls) -> Iterator[tuple[dict[str, Any], str, Any]]:
    for call in calls:
        for key, value in call["parameters"].items():
            yield call, key, value


def with_value(calls: Calls, change: Callable[[Any], Any]) -> str | None:
    """The calls with one value changed: the first for which `change` does not return None."""
    for call, key, value in values(calls):
        if (other := change(value)) is not None:
            changed = {**call, "parameters": {**call["parameters"], key: other}}
            return written([changed if item is call else item for item in calls])
    return None


def with_arguments(calls: Calls, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> str | None:
    changed = change(calls[0]["parameters"])
    return None if changed is None else written([{**calls[0], "parameters": changed}, *calls[1:]])


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def swapped(value: Any) -> Any:
    """1 for true, true for 1, 0 for false, false for 0."""
    if isinstance(value, bool):
        return int(value)
    return bool(value) if is_int(value) and value in (0, 1) else None


MUTATIONS: dict[str, tuple[Callable[[Calls], str | None], str]] = {
    "one JSON object over several lines": (
        lambda calls: written(calls, indent=1),
        "ToolRL splits at line ends and gives the lowest reward; the JSON is the same",
    ),
    "parallel calls in another order": (
        lambda calls: written(calls[::-1]) if len(calls) > 1 else None,
        "",
    ),
    "a blank line after </think>": (
        lambda calls: written(calls).replace("</think>\n", "</think>\n\n"),
        "ToolRL takes the format reward away, although Qwen's own template writes it",
    ),
    "a block for each call": (
        lambda calls: (
            THINK + "".join(f"\n<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)
            if len(calls) > 1
            else None
        ),
        "ToolRL reads only the first block; Qwen writes parallel calls in this way",
    ),
    "the key arguments for parameters": (
        lambda calls: written([{"name": c["name"], "arguments": c["parameters"]} for c in calls]),
        "ToolRL raises inside and gives the lowest reward; this is Qwen's own key",
    ),
    "keys in another order": (
        lambda calls: written([dict(reversed(call.items())) for call in calls]),
        "the same JSON",
    ),
    "the call in the thinking too": (
        lambda calls: written(calls).replace(" I should", f" <tool_call> {json.dumps(calls[0])} I should"),
        "ToolRL reads the first <tool_call> of the text, which is in the thinking",
    ),
    "true for 1, 1 for true": (
        lambda calls: with_value(calls, swapped),
        "ToolRL compares with Python's ==, for which they are equal",
    ),
    "1.0 for 1": (
        lambda calls: with_value(calls, lambda v: float(v) if is_int(v) else None),
        "the data has no JSON Schema; as a JSON number it is the same",
    ),
    '"1" for 1': (lambda calls: with_value(calls, lambda v: str(v) if is_int(v) else None), ""),
    "a wrong value": (lambda calls: with_value(calls, lambda v: f"{v} wrong"), ""),
    "a wrong name": (lambda calls: written([{**calls[0], "name": "Wrong"}, *calls[1:]]), ""),
    "a missing call": (lambda calls: written(calls[1:]) if len(calls) > 1 else None, ""),
    "an extra call, the same again": (
        lambda calls: written([*calls, calls[-1]]),
        "ToolRL takes off a part of the names' score",
    ),
    "five extra calls": (lambda calls: written([*calls, *[calls[-1]] * 5]), "ToolRL still gives most of the reward"),
    "a dropped argument": (
        lambda calls: with_arguments(calls, lambda a: dict(list(a.items())[1:]) if a else None),
        "",
    ),
    "an added argument": (lambda calls: with_arguments(calls, lambda a: {**a, "more": 1}), ""),
    "no call, a response": (lambda calls: f"{THINK}\n<response> I cannot. </response>", ""),
    "not closed": (lambda calls: written(calls).removesuffix("\n</tool_call>"), ""),
    "thinking never closed": (
        lambda calls: written(calls).replace("</think>", ""),
        "ToolRL gives full accuracy, although the calls are in the thinking",
    ),
}


def show(rows: dict[str, dict[str, Any]]) -> None:
    table = Table(title="Mean rewards in [0, 1]")
    for name in ("", "n", "ours: graded", "ours: exact", "ToolRL: accuracy", "ToolRL: format", "note"):
        table.add_column(name, justify="left" if name in ("", "note") else "right")
    for name, row in rows.items():
        figures = (row["ours_graded"], row["ours_exact"], row["toolrl_accuracy"], row["toolrl_format"])
        table.add_row(name, str(row["n"]), *(f"{figure:.2f}" for figure in figures), row.get("note", ""))
    Console(width=170).print(table)


if __name__ == "__main__":
    sys.exit(main())
