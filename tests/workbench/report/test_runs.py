"""What was given is told by its content, and what cannot be read says what to give."""

from __future__ import annotations

from pathlib import Path

import pytest

from awpo_verl.workbench.report.runs import RunError, name_runs, read_run, read_runs
from tests.workbench.report.logs import awpo_run, constant, write_jsonl
from tests.workbench.report.test_metrics import STEPS, console, events


def test_a_run_folder_has_its_metrics_and_its_dumps(tmp_path: Path) -> None:
    run = read_run(awpo_run(tmp_path / "mine", 12))
    assert (run.name, run.log.form, run.last_step, list(run.validation)) == ("mine", "jsonl", 12, [0, 12])
    assert run.rollouts == {}


def test_a_folder_is_read_in_the_first_form_that_has_a_step(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    console(folder / "train.log")
    assert read_run(folder).log.form == "console"
    events(folder / "tensorboard_log" / "project")
    assert read_run(folder).log.form == "tensorboard"
    (folder / "metrics.jsonl").touch()  # verl has opened it, and not done a step
    assert read_run(folder).log.form == "tensorboard"
    write_jsonl(folder / "metrics.jsonl", STEPS)
    assert read_run(folder).log.form == "jsonl"


def test_verls_own_name_for_its_file_is_found(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "project" / "experiment.jsonl", STEPS)
    assert read_run(path).name == "experiment"
    assert read_run(tmp_path / "project").log.files == (path,)


def test_a_resumed_run_is_one_and_experiments_of_like_names_are_several(tmp_path: Path) -> None:
    resumed = [write_jsonl(tmp_path / "a" / name, STEPS) for name in ("e.1.jsonl", "e.jsonl")]
    assert read_run(tmp_path / "a").log.files == tuple(resumed)
    one, other = (write_jsonl(tmp_path / "b" / name, STEPS) for name in ("lr1.jsonl", "lr1.5.jsonl"))
    assert read_run(one).log.files == (one,)
    with pytest.raises(RunError, match=f"metrics of 2 runs: {other}, {one}"):
        read_run(tmp_path / "b")


def test_an_event_file_and_its_folder_are_the_same_run(tmp_path: Path) -> None:
    folder = events(tmp_path / "events")
    (path,) = folder.iterdir()
    assert read_run(path).curves.keys() == read_run(folder).curves.keys()


def test_runs_of_one_name_are_told_apart_by_the_nearest_folder_that_differs(tmp_path: Path) -> None:
    a, b = (awpo_run(tmp_path / name / "demo" / "awpo") for name in "ab")
    assert name_runs([a]) == name_runs([a / "metrics.jsonl"]) == ["awpo"]
    assert name_runs([a, b / "metrics.jsonl", tmp_path]) == ["a/.../awpo", "b/.../awpo", tmp_path.name]
    assert name_runs([Path("/x/c/awpo"), Path("/x/d/awpo")]) == ["c/awpo", "d/awpo"]


def test_given_names_go_to_the_runs_in_their_order(tmp_path: Path) -> None:
    paths = [awpo_run(tmp_path / "a"), awpo_run(tmp_path / "b")]
    assert [run.name for run in read_runs(paths, ["first", "second"])] == ["first", "second"]
    with pytest.raises(RunError, match="1 --name for 2 runs"):
        read_runs(paths, ["first"])
    with pytest.raises(RunError, match="two runs have the name 'x'"):
        read_runs(paths, ["x", "x"])
    with pytest.raises(RunError, match="give each run once"):
        read_runs([paths[0], paths[0]])


def make_nothing(path: Path) -> Path:
    return path / "nowhere"


def make_empty_file(path: Path) -> Path:
    (path / "metrics.jsonl").touch()
    return path / "metrics.jsonl"


def make_empty_folder(path: Path) -> Path:
    return path


def make_started(path: Path) -> Path:
    (path / "metrics.jsonl").touch()
    return path


def make_folder_of_runs(path: Path) -> Path:
    awpo_run(path / "a")
    awpo_run(path / "b")
    return path


def make_two_experiments(path: Path) -> Path:
    write_jsonl(path / "a.jsonl", STEPS)
    write_jsonl(path / "b.jsonl", STEPS)
    return path


def make_binary(path: Path) -> Path:
    (path / "train.parquet").write_bytes(b"PAR1\0\0\0")
    return path / "train.parquet"


def make_dump(path: Path) -> Path:
    (path / "0.jsonl").write_text('{"input": "a", "output": "b", "step": 0}\n')
    return path / "0.jsonl"


def make_other_text(path: Path) -> Path:
    (path / "notes.txt").write_text("step: 3\nstep:4 - nothing\n")
    return path / "notes.txt"


def make_no_events(path: Path) -> Path:
    (path / "events.out.tfevents.1.host").write_bytes(b"")
    return path / "events.out.tfevents.1.host"


def make_broken_events(path: Path) -> Path:
    (path / "events.out.tfevents.1.host").write_bytes(b"no record at all, but long enough to be one of them")
    return path / "events.out.tfevents.1.host"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_nothing, "no such file or folder. Give a run folder"),
        (make_empty_file, "the file is empty"),
        (make_empty_folder, "a folder without metrics. Give a run folder"),
        (make_started, "has not finished a step yet"),
        (make_folder_of_runs, "a folder of runs. Give the ones you want: .*/a .*/b"),
        (make_two_experiments, "metrics of 2 runs: .*a.jsonl, .*b.jsonl"),
        (make_binary, "a binary file of an unknown kind. Give a run folder"),
        (make_dump, "no line has metrics of verl. Give a run folder"),
        (make_other_text, "no line has metrics of verl. Give a run folder"),
        (make_no_events, "the file is empty"),
        (make_broken_events, "no event has a scalar. Give a run folder"),
    ],
)
def test_an_error_names_what_was_given_and_what_to_give_instead(tmp_path: Path, make, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(RunError, match=says) as error:
        read_run(path)
    assert str(error.value).startswith(f"{path}: ")


def test_the_last_step_counts_where_its_metric_was_nan(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "metrics.jsonl", [*constant("a", 1.0, 3), (4, {"a": float("nan")})])
    assert read_run(path).last_step == 4
