"""Make rows of verl's dataset from samples, and write them. The rows of all sets have the same columns and keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from awpo_verl.workbench.data.sample import Sample
from awpo_verl.workbench.files.json_files import FileError

DIFFICULTIES = ("easy", "medium", "hard")
DROPPED, REPORT = "dropped.jsonl", "report.json"
FILES = ("train.parquet", "heldout.parquet", DROPPED, REPORT)
BATCH = 1024


def make_row(
    sample: Sample, messages: Sequence[Mapping[str, str]], split: str, changes: Sequence[str]
) -> dict[str, Any]:
    """The row of a sample; write_parquet sets its index.

    Args:
        messages: the prompt. changes: names of the changes made: "masked", "irrelevant".
    """
    truth = {"tool_calls": list(sample.calls), "tools": list(sample.tools)}
    return {
        "data_source": sample.data_source,
        "prompt": [{"role": message["role"], "content": message["content"]} for message in messages],
        "ability": "tool_use",
        "reward_model": {"style": "rule", "ground_truth": json.dumps(truth, ensure_ascii=False)},
        "extra_info": {
            "index": 0,
            "split": split,
            "id": sample.id,
            "difficulty": sample.difficulty or rate_difficulty(sample),
            "reference_reasoning": sample.reasoning,
            "reasoning_steps": None if sample.steps is None else list(sample.steps),
            "calls": len(sample.calls),
            "changes": ",".join(changes),
        },
    }


def rate_difficulty(sample: Sample) -> str:
    """ "easy", "medium" or "hard": none, one, or more of these four hold.

    More than one call is expected. The expected calls have more than 4 arguments, or an argument with an object in it.
    More than 4 tools are offered. An earlier turn has a call, or the user has more than one turn.
    """
    arguments = [value for call in sample.calls for value in call["arguments"].values()]
    marks = (
        len(sample.calls) > 1,
        len(arguments) > 4 or any(map(_holds_object, arguments)),
        len(sample.tools) > 4,
        len(sample.user_texts) > 1 or any(message.get("tool_calls") for message in sample.messages),
    )
    return DIFFICULTIES[min(sum(marks), 2)]


def _holds_object(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_object, value["$any"])) if "$any" in value else True
    return isinstance(value, list) and any(map(_holds_object, value))


def write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Number and write rows, a batch at a time, and return how many. The same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    count = 0
    batch: list[dict[str, Any]] = []
    with pq.ParquetWriter(path, schema) as writer:
        for row in rows:
            row["extra_info"]["index"] = count
            count += 1
            batch.append(row)
            if len(batch) == BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        if batch or not count:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return count


@contextmanager
def staged(out: Path, names: Sequence[str] = FILES) -> Iterator[Path]:
    """A folder for the files `names`. At the end of the block they move to `out`; if it raises, `out` is unchanged.

    Raises:
        FileError: `out` is not a folder.
    """
    if out.exists() and not out.is_dir():
        raise FileError(f"--out={out} is a file; expected a folder.")
    created = [folder for folder in (out, *out.parents) if not folder.exists()]
    stage = out / ".partial"
    done = False
    try:
        shutil.rmtree(stage, ignore_errors=True)  # left by a run that was killed
        stage.mkdir(parents=True)
        yield stage
        for name in names:
            (stage / name).replace(out / name)
        done = True
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for folder in created if not done else ():
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("data_source", text),
            ("prompt", pa.list_(pa.struct([("role", text), ("content", text)]))),
            ("ability", text),
            ("reward_model", pa.struct([("style", text), ("ground_truth", text)])),
            (
                "extra_info",
                pa.struct(
                    [
                        ("index", pa.int64()),
                        ("split", text),
                        ("id", text),
                        ("difficulty", text),
                        ("reference_reasoning", text),
                        ("reasoning_steps", pa.list_(text)),
                        ("calls", pa.int64()),
                        ("changes", text),
                    ]
                ),
            ),
        ]
    )
