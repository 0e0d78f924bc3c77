"""Find the model to serve with vLLM in a Hugging Face folder, a hub id, or a checkpoint of verl.

verl 0.9.1 saves `<run>/global_step_N/actor/` with FSDP shards `model_world_size_W_rank_R.pt` and a `huggingface` folder
with config and tokenizer. The folder also has the weights if checkpoint.save_contents has `hf_model`; otherwise verl's
own merger merges the shards.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_SHARD = re.compile(r"model_world_size_(\d+)_rank_(\d+)\.pt")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_LATEST = "latest_checkpointed_iteration.txt"


class CheckpointError(ValueError):
    """There is no model to serve. The message says where it was searched."""


@dataclass(frozen=True)
class Checkpoint:
    """A model to serve.

    Attributes:
        model: the folder or hub id for vLLM.
        shards: the folder of FSDP shards from which `merge` makes `model`; None if `model` has weights.
    """

    model: str
    shards: Path | None = None

    @property
    def merge_command(self) -> list[str]:
        """The command of verl's merger; [] if there is nothing to merge."""
        if self.shards is None or has_weights(Path(self.model)):
            return []
        merger = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp"]
        return [*merger, "--local_dir", str(self.shards), "--target_dir", f"{self.model}.partial"]

    def merge(self) -> None:
        """Run the merger, unless an earlier run has finished it."""
        if command := self.merge_command:
            partial = Path(command[-1])
            shutil.rmtree(partial, ignore_errors=True)
            if subprocess.run(command, check=False).returncode != 0 or not has_weights(partial):
                raise CheckpointError(f"verl's merger failed on {self.shards}; its output is above")
            shutil.rmtree(self.model, ignore_errors=True)
            partial.rename(self.model)

    def stamp(self) -> str:
        """Sizes and times of the weight files, to notice when they change; empty for a hub id."""
        folder = self.shards or Path(self.model)
        files = sorted(path for pattern in ("*.pt", *_WEIGHTS) for path in folder.glob(pattern))
        return " ".join(f"{path.name}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in files)


def resolve_checkpoint(model: str, merged: Path) -> Checkpoint:
    """The checkpoint for MODEL; `merged` is the folder for merged shards. Raises CheckpointError."""
    folder = Path(model)
    if not folder.exists():
        if _HUB_ID.fullmatch(model) and not Path(folder.parts[0]).exists():
            return Checkpoint(model)
        raise CheckpointError(f"MODEL={model}: no such folder, and not a hub id (owner/name)")
    if not folder.is_dir():
        raise CheckpointError(f"MODEL={model} is a file; give its folder")
    places = [folder, folder / "actor", *_latest(folder)]
    for place in places:
        for candidate in (place, place / "huggingface", place / "model" / "huggingface"):
            if has_weights(candidate):
                return Checkpoint(str(candidate))
        if shards := _shards(place):
            return _checked(place, shards, merged)
    looked = "\n".join(f"  {place}" for place in places)
    raise CheckpointError(
        f"MODEL={model}: nothing to serve. Looked in\n{looked}\n"
        "for config.json with *.safetensors or pytorch_model*.bin (also in huggingface/ and model/huggingface/), and "
        "for verl's FSDP shards (model_world_size_W_rank_R.pt). Merge Megatron shards first: "
        "`python -m verl.model_merger merge --backend megatron --local_dir ... --target_dir ...`."
    )


def has_weights(folder: Path) -> bool:
    """Whether the folder has a config and weights of Hugging Face."""
    return (folder / "config.json").is_file() and any(any(folder.glob(pattern)) for pattern in _WEIGHTS)


def _latest(run: Path) -> list[Path]:
    """A run's newest checkpoint, from verl's note in the run's folder."""
    note = run / _LATEST
    return [run / f"global_step_{note.read_text(encoding='utf-8').strip()}" / "actor"] if note.is_file() else []


def _shards(folder: Path) -> dict[int, int]:
    """Rank -> world size of the FSDP shards in this folder."""
    found = (_SHARD.fullmatch(path.name) for path in folder.glob("model_world_size_*.pt"))
    return {int(match[2]): int(match[1]) for match in found if match}


def _checked(folder: Path, shards: dict[int, int], merged: Path) -> Checkpoint:
    sizes = set(shards.values())
    missing = sorted(set(range(max(sizes))) - shards.keys())
    if len(sizes) > 1 or missing:
        raise CheckpointError(f"{folder}: shards of world sizes {sorted(sizes)}; ranks {missing} are missing")
    if not (folder / "huggingface" / "config.json").is_file():
        raise CheckpointError(f"{folder}: FSDP shards without huggingface/config.json, which verl's merger needs")
    return Checkpoint(str(merged), folder)
