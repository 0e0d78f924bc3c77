"""Check the parquet files of a run: they exist, are readable and large enough, and their ground truths are known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from awpo_verl.workbench.preflight.findings import Finding, error, ok, warning

CHECKED_ROWS = 200  # rows of each file whose ground truth is read


def check_data(config: Any) -> list[Finding]:
    """Both file lists of verl's `data` section, and the tools file of a multi-turn run."""
    findings = _check_tools(config)
    rows = {}
    for key in ("train_files", "val_files"):
        found, rows[key] = _check_files(key, _paths(config.data.get(key)), config)
        findings += found
        if rows[key] == 0:
            findings.append(error("data", f"data.{key} have no rows, which verl cannot load."))
    batch, most = config.data.train_batch_size, config.data.get("train_max_samples", -1)
    if rows["train_files"] is None:
        return findings
    if most > 0:
        rows["train_files"] = min(rows["train_files"], most)
    if rows["train_files"] < batch:
        findings.append(
            error(
                "data",
                f"data.train_files have {rows['train_files']} rows, fewer than data.train_batch_size={batch}: not "
                "enough for one step.",
            )
        )
    else:
        epochs, steps = config.trainer.total_epochs, config.trainer.total_training_steps
        by_epoch = rows["train_files"] // batch
        total = steps or epochs * by_epoch
        findings.append(ok("data", f"{rows['train_files']:,} training rows: {by_epoch} steps an epoch, {total} in all"))
    if not config.data.filter_overlong_prompts and config.data.truncation == "error":
        findings.append(
            warning(
                "data",
                f"a prompt of more than data.max_prompt_length={config.data.max_prompt_length} tokens stops the run "
                "when it is drawn. Set data.filter_overlong_prompts=True.",
            )
        )
    return findings


def _check_tools(config: Any) -> list[Finding]:
    turns = config.actor_rollout_ref.rollout.multi_turn
    given = turns.tool_config_path if turns.enable else None
    if given is None or "://" in given or Path(os.path.expanduser(given)).exists():
        return []
    return [
        error(
            "data",
            f"rollout.multi_turn.tool_config_path={given} does not exist (TOOLS in the recipes). Write it for your "
            "environment with awpo_verl.integration.verl_environment_tool.write_tools_yaml.",
        )
    ]


def _paths(given: Any) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def _check_files(key: str, paths: Sequence[str], config: Any) -> tuple[list[Finding], int | None]:
    """Findings, and the number of rows in all files; None if a file is not counted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not paths:
        return [error("data", f"data.{key} is not set.")], None
    custom = config.data.get("custom_cls") or {}
    if custom.get("path"):
        return [warning("data", f"data.{key} is read by data.custom_cls, and is not checked here.")], None
    total = 0
    findings = []
    for given in paths:
        path = Path(os.path.expanduser(given))
        if given.startswith("hdfs://"):
            return [warning("data", f"data.{key}={given} is not checked here.")], None
        if not path.exists():
            variable = "TRAIN_FILE" if key == "train_files" else "VAL_FILE"
            hint = f"`awpo-verl prepare` makes one; the recipes take {variable}"
            return [error("data", f"data.{key}={given} does not exist. {hint}.")], None
        if given.endswith((".json", ".jsonl")):
            return [
                warning("data", f"data.{key}={given} is not a parquet file: verl reads it, these checks do not.")
            ], None
        if not given.endswith(".parquet"):
            return [error("data", f"data.{key}={given}: verl reads files named .parquet, .json or .jsonl.")], None
        try:
            file = pq.ParquetFile(path)
            names = file.schema_arrow.names
            first = next(file.iter_batches(CHECKED_ROWS), None)
        except (OSError, pa.ArrowException) as problem:
            return [error("data", f"data.{key}={given} is not a parquet file: {problem}")], None
        columns = (config.data.reward_fn_key, config.data.prompt_key, "reward_model")
        missing = [name for name in columns if name not in names]
        if missing:
            return [
                error("data", f"data.{key}={given} has no column {', '.join(missing)}; it has {', '.join(names)}.")
            ], None
        findings += _check_truths(given, first.to_pylist() if first is not None else [], config)
        total += file.metadata.num_rows
    return findings, total


def _check_truths(path: str, rows: Sequence[dict[str, Any]], config: Any) -> list[Finding]:
    """The built-in outcome can read the ground truths of the first rows."""
    from awpo_verl.rewards.outcome import read_target

    if config.reward.custom_reward_function.path:
        return []  # the user's function may read any form
    unread: set[str] = set()
    for number, row in enumerate(rows):
        truth = (row["reward_model"] or {}).get("ground_truth")
        try:
            known = read_target(truth).expected is not None
        except ValueError as problem:
            return [error("data", f"{path}: row {number}: {problem}")]
        if not known:
            unread.add(str(row[config.data.reward_fn_key]))
    if unread:
        return [
            warning(
                "data",
                f"{path}: ground truths of {', '.join(sorted(unread)[:4])} are not expected calls: verl's rule for "
                "that data_source scores them, and fails if there is no such rule.",
            )
        ]
    return []
