"""The options of `awpo-verl prepare`; docs/data.md explains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from awpo_verl.workbench.data.duplicates import NGRAM
from awpo_verl.workbench.data.fit_to_schema import MISMATCH
from awpo_verl.workbench.data.prompt import PROMPTS
from awpo_verl.workbench.data.public_sets import SETS

TURNS = ("all", "first", "last")
CONFLICTS = ("drop", "first")


class OptionError(ValueError):
    """An option has a wrong value, or contradicts another option."""


@dataclass(frozen=True)
class PrepareOptions:
    """The options of one run, by the names of the command's options."""

    prompt: str = "hermes"
    think: bool = False
    turns: str = "all"
    no_call: float = 0.2
    schema_mismatch: str = "fix"
    conflicts: str = "drop"
    mask_names: float = 0.0
    irrelevant: float = 0.0
    eval_set: tuple[str, ...] = ()
    ngram: int = NGRAM
    heldout: float = 0.02
    limit: int = 0
    seed: int = 0
    tokenizer: str = ""
    max_prompt_tokens: int = 0
    max_broken: float = 0.1
    split: str = ""

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> PrepareOptions:
        """The options among the parameters of the command; others are left out."""
        values = {field.name: given[field.name] for field in fields(cls)}
        values["eval_set"] = tuple(map(str, values["eval_set"] or ()))
        return cls(**values)

    def check_for_set(self, name: str) -> None:
        """Raises OptionError if there is no such set, or an option is wrong for it."""
        if name not in SETS:
            raise OptionError(f"there is no set {name!r}; use one of {', '.join(SETS)}.")
        choices = {"prompt": PROMPTS, "turns": TURNS, "schema_mismatch": MISMATCH, "conflicts": CONFLICTS}
        for option, allowed in choices.items():
            if getattr(self, option) not in allowed:
                raise OptionError(f"{_flag(option)} is {getattr(self, option)!r}; use one of {', '.join(allowed)}.")
        for option in ("no_call", "mask_names", "irrelevant", "max_broken", "heldout"):
            if not 0 <= getattr(self, option) <= 1:
                raise OptionError(f"{_flag(option)} is {getattr(self, option)}; use a share from 0 to 1.")
        for option in ("ngram", "limit", "max_prompt_tokens"):
            if getattr(self, option) < 0:
                raise OptionError(f"{_flag(option)} is {getattr(self, option)}; use 0 (off) or more.")
        if self.prompt == "source" and not SETS[name].own_prompt:
            raise OptionError(f"--prompt source: {name} has no prompt with the tools in it; use --prompt hermes.")
        if self.prompt == "source" and (self.mask_names or self.irrelevant):
            raise OptionError(
                "--mask-names and --irrelevant change the tools, and the set's own prompt would still show the old "
                "ones; use --prompt hermes."
            )
        if self.max_prompt_tokens and not self.tokenizer:
            raise OptionError("--max-prompt-tokens needs --tokenizer, whose tokens are counted.")


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")
