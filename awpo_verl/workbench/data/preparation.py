"""The state of one `awpo-verl prepare`: check each sample, write it to a temporary file, and choose at the end."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from awpo_verl.rewards.bounded_json import nests_deeper
from awpo_verl.workbench.data import augment, duplicates, prompt
from awpo_verl.workbench.data.counts import PrepareCounts
from awpo_verl.workbench.data.fit_to_schema import fit_calls
from awpo_verl.workbench.data.options import PrepareOptions
from awpo_verl.workbench.data.public_sets import PublicSet
from awpo_verl.workbench.data.row_checks import check_writable, choose_turns, count_words, make_token_counter
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped, Sample, UnusableError
from awpo_verl.workbench.data.splits import hash_share, split_by_hash
from awpo_verl.workbench.data.tools import MAX_NESTING, make_tool_schemas
from awpo_verl.workbench.data.verl_rows import make_row
from awpo_verl.workbench.files.json_files import FileRow

BROKEN = "not in the set's form"
NO_QUESTION = "the user says nothing"
NO_TOOLS = "calls are expected and no tool is offered"
LEAK = "in the evaluation set (--eval-set)"
DUPLICATE = "a duplicate"
CONFLICT = "the same prompt with other calls (--conflicts)"
TOO_LONG = "too long a prompt (--max-prompt-tokens)"
OVER_NO_CALL = "over the share without a call (--no-call)"
OVER_LIMIT = "over the limit (--limit)"


@dataclass(slots=True)
class _Entry:
    """What memory holds of a sample in the temporary file.

    Attributes:
        no_call: the set expects no call.
        rank: its place in choices, in [0, 1).
        out: the reason to drop it, "" to keep it.
    """

    where: str
    split: str
    no_call: bool
    rank: float
    out: str = ""


class Preparation:
    """One run.

    Attributes:
        first_broken, first_broken_row: the first row that is not in the set's form: its problem, and its value.
    """

    def __init__(self, public_set: PublicSet, options: PrepareOptions, rows: TextIO, dropped: TextIO) -> None:
        """Read the evaluation sets.

        Args:
            rows: the temporary file for samples, one JSON line each.
            dropped: the file for dropped rows and samples, one JSON line each.

        Raises:
            OptionError, FileError: the tokenizer or an evaluation set cannot be read.
        """
        self.options = options
        self.counts = PrepareCounts(unit="tokens" if options.tokenizer else "words")
        self.first_broken = ""
        self.first_broken_row: Any = None
        self._set = public_set
        self._rows, self._dropped = rows, dropped
        self._entries: list[_Entry] = []
        self._answers: dict[bytes, tuple[bytes, int]] = {}  # prompt key -> answer key, and the index of its entry
        self._measure = make_token_counter(options.tokenizer) if options.tokenizer else count_words
        self._eval_set = duplicates.EvalSet(options.ngram)
        for path in options.eval_set:
            self._eval_set.add_files(Path(path))
        self.counts.eval_rows = self._eval_set.rows

    def add_row(self, row: FileRow) -> None:
        """Decode a row and add its samples."""
        self.counts.rows += 1
        value: Any = None
        found: list[Sample | Dropped] = []
        try:
            value = row.decode()
            if not isinstance(value, dict):
                raise BrokenRowError("", f"a row is {str(value)[:80]!r}; expected an object")
            if nests_deeper(value, MAX_NESTING):
                raise BrokenRowError("", f"nests deeper than {MAX_NESTING}")
            found.extend(self._set.read_samples(value, row.where))
        except UnusableError as error:
            self._drop(Dropped(row.where, error.reason, str(error)))
            return
        except (ValueError, TypeError, RecursionError) as error:  # BrokenRowError is a ValueError
            self._count_broken(row.where, value, error)
            return
        self.counts.samples += sum(isinstance(item, Sample) for item in found)
        for item in choose_turns(found, self.options.turns):
            if isinstance(item, Dropped):
                self._drop(item)
                continue
            try:
                self._add_sample(item)
            except UnusableError as error:
                self._drop(Dropped(item.where, error.reason, str(error)))

    def choose_rows(self) -> None:
        """Drop the samples over the share without a call, and those over the limit."""
        share, limit = self.options.no_call, self.options.limit
        left = [entry for entry in self._entries if not entry.out]
        without = sorted((entry for entry in left if entry.no_call), key=lambda entry: entry.rank)
        if share < 1:
            allowed = int(share * (len(left) - len(without)) / (1 - share) + 1e-9)
            for entry in without[allowed:]:
                entry.out = OVER_NO_CALL
        left = sorted((entry for entry in left if not entry.out), key=lambda entry: entry.rank)
        for entry in left[limit:] if limit else ():
            entry.out = OVER_LIMIT
        for entry in self._entries:
            if entry.out:
                self._drop(Dropped(entry.where, entry.out))

    def read_kept(self, path: Path, split: str) -> Iterator[dict[str, Any]]:
        """The kept rows of a split, in the source's order.

        Args:
            path: the temporary file.
        """
        with path.open(encoding="utf-8") as lines:
            for entry, line in zip(self._entries, lines, strict=True):
                if not entry.out and entry.split == split:
                    waiting = json.loads(line)
                    self.counts.count_kept(waiting["row"], waiting["length"])
                    yield waiting["row"]

    def _add_sample(self, sample: Sample) -> None:
        """Check a sample, change it if it is chosen for that, and write its row. Raises UnusableError."""
        options = self.options
        key, answer = self._check_sample(sample)
        fitted = replace(
            sample, calls=fit_calls(sample.calls, make_tool_schemas(sample.tools), options.schema_mismatch)
        )
        changed, changes = self._augment(fitted, key.hex())
        if options.prompt == "source":
            messages = prompt.render_source(changed.source_prompt or (), options.think)
        else:
            messages = prompt.render_hermes(changed.messages, changed.tools, options.think)
        length = self._measure(messages)
        if 0 < options.max_prompt_tokens < length:
            raise UnusableError(TOO_LONG, f"{length} tokens")
        split = split_by_hash(duplicates.question_key(sample), options.heldout)
        row = make_row(changed, messages, split, changes)
        self._rows.write(json.dumps({"row": row, "length": length}) + "\n")
        self._answers[key] = answer, len(self._entries)
        rank = hash_share(f"{options.seed}:choice:{key.hex()}")
        self._entries.append(_Entry(sample.where, split, not sample.calls, rank))

    def _check_sample(self, sample: Sample) -> tuple[bytes, bytes]:
        """The keys of its prompt and of its answer. Raises UnusableError if it cannot be used, or was seen before."""
        if not any(text.strip() for text in sample.user_texts):
            raise UnusableError(NO_QUESTION, "")
        if sample.calls and not sample.tools:
            raise UnusableError(NO_TOOLS, ", ".join(call["name"] for call in sample.calls)[:200])
        check_writable(sample)
        if leak := self._eval_set.find_overlap(sample):
            raise UnusableError(LEAK, leak)
        key, answer = duplicates.prompt_key(sample), duplicates.answer_key(sample)
        if key in self._answers:
            same, index = self._answers[key]
            first = self._entries[index]
            if same == answer:
                raise UnusableError(DUPLICATE, f"of {first.where}")
            if self.options.conflicts == "drop":
                first.out = CONFLICT
            raise UnusableError(CONFLICT, f"the first: {first.where}")
        return key, answer

    def _augment(self, sample: Sample, key: str) -> tuple[Sample, list[str]]:
        """The sample, changed if its hash is below the share, and the names of the changes."""
        changes: list[str] = []
        seed = self.options.seed
        if hash_share(f"{seed}:irrelevant:{key}") < self.options.irrelevant:
            without = augment.remove_called_tools(sample)
            if without is not None:
                sample = without
                changes.append(augment.IRRELEVANT)
        if hash_share(f"{seed}:mask:{key}") < self.options.mask_names:
            mask = augment.draw_mask(sample, random.Random(f"{seed}:names:{key}"))
            if mask is not None:
                sample = augment.apply_mask(sample, mask)
                changes.append(augment.MASKED)
        return sample, changes

    def _drop(self, dropped: Dropped) -> None:
        """Count it, and write it to dropped.jsonl."""
        self.counts.count_dropped(dropped)
        line = {"where": dropped.where, "reason": dropped.reason, "detail": dropped.detail}
        self._dropped.write(json.dumps(line) + "\n")

    def _count_broken(self, where: str, value: Any, error: Exception) -> None:
        """Count and drop a row that is not in the set's form."""
        detail = str(error)[:300]
        if not self.counts.broken:
            self.first_broken, self.first_broken_row = f"{where}: {detail}", value
        self.counts.broken += 1
        self._drop(Dropped(where, BROKEN, detail))
