"""From a source to the files of a data set: read, check, deduplicate, change, choose, write.

Rows are streamed. What passes is put aside on disk, with a few words of memory for each, because what is kept depends
on all of it: conflicts, the share of rows without a call, the limit. Every choice is made by a hash of the seed and the
row's id, so the same input, options and seed give the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from awpo_verl.rewards.bounded_json import nests_deeper
from awpo_verl.workbench.data import augment, duplicates, prompt, sources
from awpo_verl.workbench.data.counts import Report
from awpo_verl.workbench.data.fit_to_schema import fit
from awpo_verl.workbench.data.options import OptionError, Options
from awpo_verl.workbench.data.public_sets import SETS, PublicSet, looks_like
from awpo_verl.workbench.data.row_checks import check_writable, chosen_turns, tokens_of, words_of
from awpo_verl.workbench.data.sample import BrokenRowError, Dropped, Sample, UnusableError
from awpo_verl.workbench.data.splits import SPLITS, hash_share, split_by_hash
from awpo_verl.workbench.data.tools import MAX_NESTING, checked_tools
from awpo_verl.workbench.data.verl_rows import FILES, staged, to_row, write_parquet
from awpo_verl.workbench.files.json_files import FileError, Record

FIRST_ROWS = 20  # all of them broken: it is another set

BROKEN = "not in the set's form"
NO_QUESTION = "the user says nothing"
NO_TOOLS = "calls are expected and no tool is offered"
LEAK = "stands in the evaluation set (--eval-set)"
DUPLICATE = "a duplicate"
CONFLICT = "the same prompt with other calls (--conflicts)"
TOO_LONG = "too long a prompt (--max-prompt-tokens)"
OVER_NO_CALL = "over the share without a call (--no-call)"
OVER_LIMIT = "over the limit (--limit)"


class PrepareError(ValueError):
    """The source as a whole cannot be prepared. The message says why, and what to do."""


@dataclass(slots=True)
class _Entry:
    """A sample that was put aside. no_call: the set expects no call; rank: its place in choices; out: why it goes."""

    where: str
    split: str
    no_call: bool
    rank: float
    out: str = ""


def prepare(
    name: str,
    source: str,
    out: Path,
    options: Options,
    progress: Callable[[Iterable[Record]], Iterable[Record]] = lambda records: records,
) -> Report:
    """Prepare a source and write `out`'s FILES, all or none.

    Args:
        name: of the set, a key of SETS.
        source: a path, or an id of the hub.
        progress: goes around the rows, to show how far it is.

    Raises:
        OptionError, FileError, PrepareError, OSError: nothing is written.
    """
    options.check(name)
    _refuse_to_overwrite(out, [source, *options.eval_set])
    run = _Run(SETS[name], options)
    for path in options.eval_set:
        run.eval_set.add(Path(path))
    run.report.eval_rows = run.eval_set.rows
    with staged(out) as stage:
        with (stage / "rows").open("w", encoding="utf-8") as rows, (stage / FILES[2]).open("w") as dropped:
            run.rows, run.dropped = rows, dropped
            for record in progress(_records(SETS[name], source, options.split)):
                run.add(record)
                if run.report.read == run.report.broken == FIRST_ROWS:
                    raise PrepareError(run.not_this_set(name, source))
            if run.report.broken > options.max_broken * run.report.read:
                raise PrepareError(run.not_this_set(name, source))
            run.choose()
        for split in SPLITS:
            write_parquet(stage / f"{split}.parquet", run.kept_rows(stage / "rows", split))
        if not run.report.total:
            raise PrepareError(run.nothing_left(source))
        given = {"set": name, "source": source, **asdict(options)}
        text = json.dumps(run.report.as_json(given), indent=2, ensure_ascii=False)
        (stage / "report.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        (stage / "rows").unlink()
    return run.report


def _records(given: PublicSet, source: str, split: str) -> Iterable[Record]:
    if not Path(source).exists():
        return sources.hub_records(source, split)
    if split:
        raise OptionError(f"--split {split} is of a set of the hub; {source} is read as it is: name the file you want.")
    return given.records(Path(source))


class _Run:
    """One run: what was read so far."""

    rows: TextIO
    dropped: TextIO

    def __init__(self, given: PublicSet, options: Options) -> None:
        self.set = given
        self.options = options
        self.report = Report(unit="tokens" if options.tokenizer else "words")
        self.eval_set = duplicates.EvalSet(options.ngram)
        self.entries: list[_Entry] = []
        self.answers: dict[bytes, tuple[bytes, int]] = {}  # prompt -> its answer, and the entry that has it
        self.length_of = tokens_of(options.tokenizer) if options.tokenizer else words_of
        self.first_broken = ""
        self.first_row: Any = None

    def add(self, record: Record) -> None:
        """Read a row and put its samples aside."""
        self.report.read += 1
        row: Any = None
        found: list[Sample | Dropped] = []
        try:
            row = record.read()
            if not isinstance(row, dict):
                raise BrokenRowError("", f"a row is {str(row)[:80]!r}; expected an object")
            if nests_deeper(row, MAX_NESTING):
                raise BrokenRowError("", f"nests deeper than {MAX_NESTING}")
            found.extend(self.set.read(row, record.where))
        except UnusableError as error:
            self.drop(Dropped(record.where, error.reason, str(error)))
            return
        except (ValueError, TypeError, RecursionError) as error:  # BrokenRowError is a ValueError
            self.broken(record.where, row, error)
            return
        self.report.samples += sum(isinstance(item, Sample) for item in found)
        for item in chosen_turns(found, self.options.turns):
            if isinstance(item, Dropped):
                self.drop(item)
                continue
            try:
                self.put_aside(item)
            except UnusableError as error:
                self.drop(Dropped(item.where, error.reason, str(error)))

    def put_aside(self, sample: Sample) -> None:
        """Check a sample, change it where it is chosen for that, and write its row. Raises UnusableError."""
        options = self.options
        if not any(text.strip() for text in sample.user_texts):
            raise UnusableError(NO_QUESTION, "")
        if sample.calls and not sample.tools:
            raise UnusableError(NO_TOOLS, ", ".join(call["name"] for call in sample.calls)[:200])
        check_writable(sample)
        if leak := self.eval_set.match(sample):
            raise UnusableError(LEAK, leak)
        key, answer = duplicates.prompt_key(sample), duplicates.answer_key(sample)
        self.check_seen(key, answer)
        fitted = replace(sample, calls=fit(sample.calls, checked_tools(sample.tools), options.schema_mismatch))
        changed, names = self.changed(fitted, key.hex())
        if options.prompt == "source":
            messages = prompt.source(changed.source_prompt or (), options.think)
        else:
            messages = prompt.hermes(changed.messages, changed.tools, options.think)
        length = self.length_of(messages)
        if 0 < options.max_prompt_tokens < length:
            raise UnusableError(TOO_LONG, f"{length} tokens")
        split = split_by_hash(duplicates.question_of(sample), options.heldout)
        row = to_row(changed, messages, split, names)
        self.rows.write(json.dumps({"row": row, "length": length}) + "\n")
        self.answers[key] = answer, len(self.entries)
        rank = hash_share(f"{options.seed}:choice:{key.hex()}")
        self.entries.append(_Entry(sample.where, split, not sample.calls, rank))

    def check_seen(self, key: bytes, answer: bytes) -> None:
        """Raises UnusableError where there was the same prompt before."""
        if key not in self.answers:
            return
        same, index = self.answers[key]
        first = self.entries[index]
        if same == answer:
            raise UnusableError(DUPLICATE, f"of {first.where}")
        if self.options.conflicts == "drop":
            first.out = CONFLICT
        raise UnusableError(CONFLICT, f"the first: {first.where}")

    def changed(self, sample: Sample, key: str) -> tuple[Sample, list[str]]:
        """The sample, changed where its hash says so, and what was done."""
        names: list[str] = []
        seed = self.options.seed
        if hash_share(f"{seed}:irrelevant:{key}") < self.options.irrelevant and (without := augment.irrelevant(sample)):
            sample = without
            names.append(augment.IRRELEVANT)
        if hash_share(f"{seed}:mask:{key}") < self.options.mask_names:
            mask = augment.draw_mask(sample, random.Random(f"{seed}:names:{key}"))
            if mask is not None:
                sample = augment.masked(sample, mask)
                names.append(augment.MASKED)
        return sample, names

    def choose(self) -> None:
        """Take out what is over the share without a call, and over the limit."""
        share, limit = self.options.no_call, self.options.limit
        left = [entry for entry in self.entries if not entry.out]
        without = sorted((entry for entry in left if entry.no_call), key=lambda entry: entry.rank)
        if share < 1:
            allowed = int(share * (len(left) - len(without)) / (1 - share) + 1e-9)
            for entry in without[allowed:]:
                entry.out = OVER_NO_CALL
        left = sorted((entry for entry in left if not entry.out), key=lambda entry: entry.rank)
        for entry in left[limit:] if limit else ():
            entry.out = OVER_LIMIT
        for entry in self.entries:
            if entry.out:
                self.drop(Dropped(entry.where, entry.out))

    def kept_rows(self, path: Path, split: str) -> Iterator[dict[str, Any]]:
        """The rows of a split that are kept, in the source's order."""
        with path.open(encoding="utf-8") as lines:
            for entry, line in zip(self.entries, lines, strict=True):
                if not entry.out and entry.split == split:
                    put_aside = json.loads(line)
                    self.report.keep(put_aside["row"], put_aside["length"])
                    yield put_aside["row"]

    def drop(self, dropped: Dropped) -> None:
        """Count it, and write it to dropped.jsonl."""
        self.report.drop(dropped)
        told = {"where": dropped.where, "reason": dropped.reason, "detail": dropped.detail}
        self.dropped.write(json.dumps(told) + "\n")

    def broken(self, where: str, row: Any, error: Exception) -> None:
        """A row that is not in the set's form."""
        detail = str(error)[:300]
        if not self.report.broken:
            self.first_broken, self.first_row = f"{where}: {detail}", row
        self.report.broken += 1
        self.drop(Dropped(where, BROKEN, detail))

    def not_this_set(self, name: str, source: str) -> str:
        """The message where too many rows are broken."""
        report = self.report
        which = "All" if report.broken == report.read else f"{report.broken} of"
        message = (
            f"{which} {report.read} rows of {source} are not in the form of {name} (--max-broken "
            f"{self.options.max_broken:g}). The first: {self.first_broken}."
        )
        others = [other for other in looks_like(self.first_row) if other != name]
        if others:
            message += f" It looks like {' or '.join(others)}: awpo-verl prepare {others[0]} {source}"
        return message

    def nothing_left(self, source: str) -> str:
        """The message where no row is kept."""
        if not self.report.read:
            return f"{source}: it has no rows."
        reasons = (f"{n} {reason} ({self._example(reason)})" for reason, n in self.report.dropped.most_common(5))
        return f"{source}: none of {self.report.read} rows is kept: {'; '.join(reasons)}."

    def _example(self, reason: str) -> str:
        example = self.report.examples[reason]
        return f"{example.where}: {example.detail}"[:160] if example.detail else example.where


def _refuse_to_overwrite(out: Path, asked: list[str]) -> None:
    """Raises FileError where a file that is read would be replaced."""
    for source in map(Path, asked):
        read = sources.files_of(source) if source.exists() else []
        for target in (out / name for name in FILES):
            if target.exists() and any(target.samefile(file) for file in read):
                raise FileError(f"--out={out} has {target.name}, which is read; use another folder.")
