"""Reading: the forms of a log agree, and what is torn, resumed or not a number is what it is."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awpo_verl.workbench.preflight.metrics_file import list_parts
from awpo_verl.workbench.report.metrics import read_console, read_events, read_jsonl
from tests.workbench.report.logs import write_jsonl

STEPS = [
    (0, {"val-core/a/b/acc/mean@1": 0.25}),
    (1, {"critic/score/mean": 0.5, "actor/grad_norm": 1e-05, "actor/flag": True}),
    (2, {"critic/score/mean": -0.75, "actor/grad_norm": math.nan, "val-core/a/b/acc/mean@1": 1.0}),
    (3, {"critic/score/mean": math.inf, "actor/grad_norm": 2.0}),
]


def console(path: Path, steps=STEPS) -> Path:
    """A log as Ray forwards it: verl's own LocalLogger writes the lines, among what else a run prints."""
    from verl.utils.logger.aggregate_logger import concat_dict_to_str

    text = "\x1b[36m(pid=7)\x1b[0m loading\nTraining Progress:   0%|          | 0/3 [00:00<?, ?it/s]\r"
    for step, data in steps:
        numbers = {key: np.float64(value) if key.startswith("val") else value for key, value in data.items()}
        line = concat_dict_to_str(numbers, step=step)
        text += f"\x1b[36m(TaskRunnerV1 pid=2943)\x1b[0m {line}\n[step: 3] of 4 - not/it\nINFO step:9 - no metric\n"
    path.write_text(text)
    return path


def events(folder: Path, steps=STEPS) -> Path:
    """As verl's tensorboard logger writes them: SummaryWriter.add_scalar(key, value, step)."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for step, data in steps:
            for key, value in data.items():
                writer.add_scalar(key, value, step)
    return folder


def series(log) -> dict[str, tuple[list[int], list[float], list[int]]]:
    return {
        name: (curve.steps.tolist(), [float(f"{v:.6g}") for v in curve.values], curve.gaps.tolist())
        for name, curve in log.curves.items()
    }


def test_the_three_forms_of_a_log_give_the_same_curves(tmp_path: Path) -> None:
    want = {
        "val-core/a/b/acc/mean@1": ([0, 2], [0.25, 1.0], []),
        "critic/score/mean": ([1, 2], [0.5, -0.75], [3]),
        "actor/grad_norm": ([1, 3], [1e-05, 2.0], [2]),
        "actor/flag": ([1], [1.0], []),
    }
    assert series(read_jsonl(write_jsonl(tmp_path / "metrics.jsonl", STEPS))) == want
    assert series(read_console(console(tmp_path / "train.log"))) == want
    assert series(read_events(events(tmp_path / "events"))) == want


def test_null_is_a_gap_as_verls_file_logger_writes_nan_as_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"data":{"a":null,"text":"x","list":[1]}}\n{"step":2,"data":{"a":3}}\n')
    assert series(read_jsonl(path)) == {"a": ([2], [3.0], [1])}


def test_of_a_step_that_was_done_twice_the_later_counts(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "metrics.1.jsonl", [(1, {"a": 1.0}), (2, {"a": 2.0}), (3, {"a": math.nan})], torn='{"st')
    path = write_jsonl(tmp_path / "metrics.jsonl", [(2, {"a": 20.0}), (3, {"a": 30.0})])
    assert len(list_parts(path)) == 2
    assert series(read_jsonl(path)) == {"a": ([1, 2, 3], [1.0, 20.0, 30.0], [])}
    twice = [(1, {"x/a": 1.0}), (2, {"x/a": 2.0}), (2, {"x/a": math.nan})]
    assert series(read_console(console(tmp_path / "train.log", twice))) == {"x/a": ([1], [1.0], [2])}
    folder = events(tmp_path / "events", [(1, {"a": 1.0}), (2, {"a": 2.0})])
    (first,) = folder.iterdir()
    first.rename(folder / "events.out.tfevents.1000000000.host.1.0")  # the run that was resumed is older
    events(folder, [(2, {"a": 20.0})])
    assert series(read_events(folder)) == {"a": ([1, 2], [1.0, 20.0], [])}


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_a_growing_file_loses_its_last_line_and_no_more(tmp_path: Path, cut: int) -> None:
    path = write_jsonl(
        tmp_path / "metrics.jsonl", [(1, {"critic/score/mean": 0.125}), (2, {"critic/score/mean": 0.25})]
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: -1 - cut])
    log = read_jsonl(path)
    assert (series(log), log.broken_lines) == ({"critic/score/mean": ([1], [0.125], [])}, 0)
    log_path = tmp_path / "train.log"
    log_path.write_text("step:1 - critic/score/mean:0.125\nstep:2 - critic/score/mean:0.2")  # 0.25, half written
    assert series(read_console(log_path)) == {"critic/score/mean": ([1], [0.125], [])}


def test_half_an_event_ends_the_reading_and_does_not_break_it(tmp_path: Path) -> None:
    (path,) = events(tmp_path / "events", [(n, {"a": float(n)}) for n in range(5)]).iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    assert series(read_events(path))["a"][0] == [0, 1, 2, 3]


def test_our_reading_of_event_files_is_tensorboards(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = events(tmp_path / "events")
    theirs = EventAccumulator(str(folder)).Reload()
    ours = read_events(folder).curves
    assert set(theirs.Tags()["scalars"]) == set(ours)
    for name, curve in ours.items():
        want = [(event.step, event.value) for event in theirs.Scalars(name) if math.isfinite(event.value)]
        assert curve.points() == want


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=40))
def test_no_event_file_stops_the_reading(at: int, noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (path,) = events(Path(folder) / "events").iterdir()
        whole = path.read_bytes()
        path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
        assert set(read_events(path).files) == {path}


def test_a_torn_line_in_the_middle_costs_itself_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"data":{"a":1}}\n{"step":2,"da\n{"step":3,"data":{"a":3}}\n[1]\n')
    log = read_jsonl(path)
    assert (series(log), log.broken_lines) == ({"a": ([1, 3], [1.0, 3.0], [])}, 2)


def test_metrics_that_are_not_wanted_are_not_kept(tmp_path: Path) -> None:
    log = read_jsonl(write_jsonl(tmp_path / "metrics.jsonl", STEPS), keep=lambda metric: metric == "actor/flag")
    assert list(log.curves) == ["actor/flag"]


@given(
    st.text(alphabet=st.sampled_from("step: -/1234567890e.naif\x1b[m()\u0663\n"), max_size=200), st.integers(0, 10**30)
)
def test_no_line_of_a_log_stops_the_reading(text: str, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.log"
        path.write_text(f"step:{step} - {text}\nstep:1 - a/b:1\n", encoding="utf-8")
        assert 1 in read_console(path).curves["a/b"].steps
        path.write_text(
            f'{{"step": {step}, "data": {{"a": {10**400}, "b": {step}}}}}\n{{"step": 1, "data": {{"c": 1}}}}'
        )
        assert series(read_jsonl(path))["c"] == ([1], [1.0], [])


def test_a_number_that_no_float_can_hold_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1, "data": {{"a": {10**400}}}}}\n')
    assert series(read_jsonl(path)) == {"a": ([], [], [1])}
