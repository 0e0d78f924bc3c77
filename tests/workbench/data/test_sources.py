"""Where rows come from: sources, folders, the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from awpo_verl.workbench.data import sources
from awpo_verl.workbench.files import json_files
from awpo_verl.workbench.files.json_files import FileError
from tests.workbench.data.rows import write

ROWS = [{"a": n, "text": f"é ] , [ {n}" * (n * 40)} for n in range(30)]


def read(source, **more):
    path = Path(source)
    found = sources.read_rows(path) if path.exists() else sources.read_hub_rows(str(source), **more)
    return [(record.where, record.decode()) for record in found]


def test_every_kind_of_file_gives_the_same_rows(tmp_path):
    (tmp_path / "list.json").write_text(json.dumps(ROWS, indent=2, ensure_ascii=False), encoding="utf-8")
    write(tmp_path / "lines.json", ROWS)
    write(tmp_path / "lines.jsonl", ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "table.parquet")
    for file in sorted(tmp_path.iterdir()):
        assert read(file) == [(f"{file.name}:{n}", row) for n, row in enumerate(ROWS, 1)]


def test_a_json_list_is_read_piece_by_piece(tmp_path, monkeypatch):
    file = tmp_path / "list.json"
    file.write_text(json.dumps(ROWS), encoding="utf-8")
    for chunk in (4097, 5000, 10_000):  # pieces end within strings, escapes and numbers
        monkeypatch.setattr(json_files, "_CHUNK", chunk)
        assert [row for _, row in read(file)] == ROWS


def test_a_list_of_nothing_and_a_byte_order_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf [ ] ")
    (tmp_path / "b.json").write_bytes(b'\xef\xbb\xbf[{"a": 1}]')
    assert read(tmp_path) == [("b.json:1", {"a": 1})]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": ', '[{"a": 1} {"a": 2}]', '[{"a": 1}, nothing]', '[{"a": 1}', "[{"])
def test_a_broken_list_is_named_with_the_item(tmp_path, text):
    file = tmp_path / "list.json"
    file.write_text(text)
    with pytest.raises(FileError, match=r"list.json: not JSON after item [01]: "):
        read(file)


def test_a_broken_line_is_an_error_of_its_row(tmp_path):
    file = write(tmp_path / "lines.jsonl", [ROWS[0], "{", ROWS[1]])
    first, second, third = sources.read_rows(file)
    assert (first.decode(), third.decode()) == (ROWS[0], ROWS[1])
    with pytest.raises(ValueError, match="not JSON"):
        second.decode()


def test_a_folder_is_read_in_sorted_order_without_files_that_hold_no_rows(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("b.jsonl", "a.json", "c.jsonl"):
        write(data / name, [{"name": name}])
    for name in ("dataset_infos.json", "README.md", ".hidden.json"):
        (data / name).write_text("{}")
    expected = [
        ("a.json:1", {"name": "a.json"}),
        ("b.jsonl:1", {"name": "b.jsonl"}),
        ("c.jsonl:1", {"name": "c.jsonl"}),
    ]
    assert read(data) == expected
    assert read(tmp_path) == expected


def test_a_source_that_is_neither_a_path_nor_on_the_hub_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def fail(source):
        raise ConnectionError(f"Couldn't reach '{source}' on the Hub (offline)")

    monkeypatch.setattr(sources, "load_hub_dataset", fail)
    with pytest.raises(
        FileError, match=r"some/set: no such file or folder, and it could not be loaded from the hub: .*reach"
    ):
        read("some/set")
    monkeypatch.setattr(sources, "load_hub_dataset", lambda source: pytest.fail(f"{source} was looked for"))
    for path in ("/no/such.json", "rows.jsonl", "data/train.parquet"):
        with pytest.raises(FileError, match=f"{path}: no such file or folder, and not the id of a data set on the hub"):
            read(path)
    with pytest.raises(FileError, match=r"a folder without .json, .jsonl, .parquet files"):
        read(tmp_path)
    (tmp_path / "a.csv").write_text("a")
    with pytest.raises(FileError, match=r".csv cannot be read; use .json, .jsonl, .parquet"):
        read(tmp_path / "a.csv")


def test_a_set_of_the_hub_is_read_through_datasets_split_by_split(tmp_path, monkeypatch):
    from datasets import load_dataset

    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.jsonl", ROWS[:2])
    write(folder / "test.jsonl", ROWS[2:3])
    monkeypatch.setattr(
        sources, "load_hub_dataset", lambda source: load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    )
    expected = [("owner/set/train:1", ROWS[0]), ("owner/set/train:2", ROWS[1]), ("owner/set/test:1", ROWS[2])]
    assert read("owner/set") == expected
    assert read("owner/set", split="test") == expected[2:]
    with pytest.raises(FileError, match=r"owner/set: no split 'dev'; it has train, test"):
        read("owner/set", split="dev")
