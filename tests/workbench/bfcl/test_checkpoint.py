"""What MODEL may be, on folders in the form that verl 0.9.1 and transformers save."""

from __future__ import annotations

from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl.checkpoint import Checkpoint, CheckpointError, resolve_checkpoint


def huggingface(folder: Path, weights: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    if weights:
        (folder / "model.safetensors").write_bytes(b"w")
    return folder


def shards(actor: Path, world: int, ranks: range) -> Path:
    actor.mkdir(parents=True, exist_ok=True)
    for rank in ranks:
        (actor / f"model_world_size_{world}_rank_{rank}.pt").write_bytes(b"w")
    return actor


def test_a_hugging_face_folder_is_served_as_it_is(tmp_path: Path) -> None:
    folder = huggingface(tmp_path / "model")
    assert resolve_checkpoint(str(folder), tmp_path / "merged") == Checkpoint(str(folder))


@pytest.mark.parametrize("given", ["run", "run/global_step_4", "run/global_step_4/actor"])
def test_saved_weights_of_a_verl_checkpoint_are_served_without_merging(tmp_path: Path, given: str) -> None:
    actor = shards(tmp_path / "run/global_step_4/actor", 1, range(1))
    (tmp_path / "run/latest_checkpointed_iteration.txt").write_text("4", encoding="utf-8")
    folder = huggingface(actor / "huggingface")
    assert resolve_checkpoint(str(tmp_path / given), tmp_path / "merged") == Checkpoint(str(folder))


def test_shards_are_merged_by_verls_merger(tmp_path: Path) -> None:
    actor = shards(tmp_path / "global_step_4/actor", 2, range(2))
    huggingface(actor / "huggingface", weights=False)
    found = resolve_checkpoint(str(tmp_path / "global_step_4"), tmp_path / "merged")
    assert found == Checkpoint(str(tmp_path / "merged"), actor)
    assert found.merge_command[1:6] == ["-m", "verl.model_merger", "merge", "--backend", "fsdp"]
    assert found.merge_command[6:] == ["--local_dir", str(actor), "--target_dir", f"{tmp_path / 'merged'}.partial"]


def test_merged_shards_are_not_merged_again(tmp_path: Path) -> None:
    actor = shards(tmp_path / "actor", 1, range(1))
    huggingface(actor / "huggingface", weights=False)
    huggingface(tmp_path / "merged")
    assert resolve_checkpoint(str(actor), tmp_path / "merged").merge_command == []


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    actor = shards(tmp_path / "actor", 4, range(3))
    huggingface(actor / "huggingface", weights=False)
    with pytest.raises(CheckpointError, match=r"ranks \[3\] are missing"):
        resolve_checkpoint(str(actor), tmp_path / "merged")


def test_a_folder_without_weights_names_the_searched_files(tmp_path: Path) -> None:
    huggingface(tmp_path / "model", weights=False)
    with pytest.raises(
        CheckpointError, match=r"nothing to serve[\s\S]*config.json with \*.safetensors[\s\S]*FSDP shards"
    ):
        resolve_checkpoint(str(tmp_path / "model"), tmp_path / "merged")


def test_a_hub_id_is_distinguished_from_a_wrong_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_checkpoint("Qwen/Qwen3-0.6B", tmp_path).model == "Qwen/Qwen3-0.6B"
    (tmp_path / "outputs").mkdir()
    for wrong in ("outputs/nowhere", "./nowhere", "/no/where/at/all", "nowhere"):
        with pytest.raises(CheckpointError, match="no such folder"):
            resolve_checkpoint(wrong, tmp_path)


def test_new_weights_under_an_old_path_have_another_stamp(tmp_path: Path) -> None:
    found = resolve_checkpoint(str(huggingface(tmp_path / "model")), tmp_path / "merged")
    before = found.stamp()
    (tmp_path / "model/model.safetensors").write_bytes(b"other")
    assert found.stamp() != before
