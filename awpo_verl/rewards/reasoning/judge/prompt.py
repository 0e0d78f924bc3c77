"""The judge's prompt: a template, and the case that fills it.

Templates are YAML files with `system`, `user` and `score`. prompts/tool_use.yaml is the default, and explains the keys.
Each `$name` in them is replaced by one quoted section. A `$` inside a section is not replaced.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

from awpo_verl.config import SECTION, AWPOConfigError, JudgeConfig
from awpo_verl.rewards.reasoning.judge.quoting import quote

SECTIONS = ("conversation", "tools", "reference", "thinking", "answer")
EXPLAINED = 'Reply with JSON: {{"reason": "<one or two sentences>", "score": <{scale}>}}'
PLAIN = 'Reply with JSON and nothing else: {{"score": <{scale}>}}'


@dataclass(frozen=True, slots=True)
class Case:
    """One rollout for the judge: the sections of the prompt as text, "" for a missing section.

    Attributes:
        conversation: the prompt's messages.
        thinking: the policy's thinking.
        tools: the schemas on offer.
        reference: the expected calls, or another reference.
        answer: the calls and the text after the thinking.
    """

    conversation: str
    thinking: str
    tools: str = ""
    reference: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers that a judge may give, from lowest to highest."""

    lowest: float
    highest: float

    @property
    def whole(self) -> bool:
        """Whether the bounds are whole numbers, and the numbers between them few enough to list in a schema."""
        return self.lowest.is_integer() and self.highest.is_integer() and self.highest - self.lowest <= 100

    def numbers(self) -> list[int]:
        return list(range(int(self.lowest), int(self.highest) + 1))

    def to_unit(self, score: float) -> float:
        """Map a score on the scale to [0, 1]."""
        return (score - self.lowest) / (self.highest - self.lowest)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to a judge.

    Attributes:
        messages: chat messages with the keys role and content.
        neutralized: pieces of the policy's text that quoting.py removed as attacks.
    """

    messages: tuple[dict[str, str], ...]
    neutralized: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A valid prompt template."""

    system: str
    user: str
    scale: Scale

    def fill(self, case: Case, config: JudgeConfig) -> Prompt:
        """Write the messages for one case. Raises no error on any text."""
        shown = {name: getattr(case, name) for name in SECTIONS}
        if not config.show_answer:
            shown["answer"] = ""
        if not config.show_reference:
            shown["reference"] = ""
        quoted = {name: quote(name.upper(), text, config.max_section_chars) for name, text in shown.items() if text}
        sections = {name: quoted[name].text if name in quoted else "" for name in SECTIONS}
        scale = f"{self.scale.lowest:g} to {self.scale.highest:g}"
        form = (EXPLAINED if config.explain else PLAIN).format(scale=scale)
        user = string.Template(self.user).substitute(sections).strip()
        while "\n\n\n" in user:  # a section is missing there
            user = user.replace("\n\n\n", "\n\n")
        messages = (
            {"role": "system", "content": string.Template(self.system).substitute(sections).strip()},
            {"role": "user", "content": f"{user}\n{form}"},
        )
        own = (quoted[name].neutralized for name in ("thinking", "answer") if name in quoted)
        return Prompt(messages, sum(own))


def load_template(name: str) -> Template:
    """Load a packaged template by its name, or your own by its path.

    Raises:
        AWPOConfigError: no such template, or an invalid one. The message says what is wrong.
    """
    key = f"{SECTION}.judge.template={name}"
    packaged = resources.files("awpo_verl.rewards.reasoning.judge").joinpath("prompts")
    if "/" in name or name.endswith((".yaml", ".yml")):
        path: Any = Path(name).expanduser()
    else:
        path = packaged.joinpath(f"{name}.yaml")
    if not path.is_file():
        known = ", ".join(sorted(p.name.removesuffix(".yaml") for p in packaged.iterdir() if p.name.endswith(".yaml")))
        raise AWPOConfigError(f"{key}: no such template. Use a packaged one ({known}) or the path of a .yaml file.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AWPOConfigError(f"{key}: not a readable UTF-8 text: {error}") from None
    return _parse_template(key, text)


def _parse_template(key: str, text: str) -> Template:
    import yaml

    try:
        given: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AWPOConfigError(f"{key}: not YAML: {error}") from None
    fields = cast(dict[Any, Any], given) if isinstance(given, dict) else {}
    if set(fields) != {"system", "user", "score"}:
        keys = sorted(map(str, fields)) if isinstance(given, dict) else type(given).__name__
        raise AWPOConfigError(f"{key}: a template has the keys system, user and score; this one: {keys}.")
    system, user = fields["system"], fields["user"]
    if not isinstance(system, str) or not isinstance(user, str):
        raise AWPOConfigError(f"{key}: system and user must be text.")
    sections = _sections_of(key, "system", system) | _sections_of(key, "user", user)
    if unknown := sections - set(SECTIONS):
        raise AWPOConfigError(f"{key}: unknown sections {sorted(unknown)}; there are {', '.join(SECTIONS)}.")
    if "thinking" not in sections:
        raise AWPOConfigError(f"{key}: it never shows $thinking, so there is nothing to judge.")
    return Template(system, user, _parse_scale(key, fields["score"]))


def _sections_of(key: str, field: str, text: str) -> set[str]:
    """The names after each $ in a field of the template."""
    found = list(string.Template.pattern.finditer(text))  # is_valid and get_identifiers need Python 3.11
    if any(each["invalid"] is not None for each in found):
        raise AWPOConfigError(f"{key}: {field} has a lone $; write $$ for a dollar sign.")
    return {name for each in found if (name := each["named"] or each["braced"])}


def _parse_scale(key: str, given: Any) -> Scale:
    bounds = cast(list[Any], given) if isinstance(given, list) else []
    numbers = [float(n) for n in bounds if isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e9]
    if len(bounds) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
        raise AWPOConfigError(f"{key}: score must be [lowest, highest], two numbers, e.g. [0, 10]; it is {given}.")
    return Scale(*numbers)
