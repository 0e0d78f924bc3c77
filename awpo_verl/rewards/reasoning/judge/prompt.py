"""The judge's prompt: a template, and what it is filled with.

Templates are YAML files with `system`, `user` and `score` (prompts/tool_use.yaml is the default, and explains them). A
`$name` in them is replaced by a whole quoted section; the sections are never parsed for `$` again.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from awpo_verl.config import SECTION, AWPOConfigError, JudgeConfig
from awpo_verl.rewards.reasoning.judge.quoting import quote

SECTIONS = ("conversation", "tools", "reference", "thinking", "answer")
EXPLAINED = 'Reply with JSON: {{"reason": "<one or two sentences>", "score": <{scale}>}}'
PLAIN = 'Reply with JSON and nothing else: {{"score": <{scale}>}}'


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to judge: the sections of the prompt as text, "" where there is none.

    Attributes:
        conversation: the prompt's messages. tools: the schemas on offer. reference: what was expected.
        thinking: the policy's thinking. answer: the calls and the text that followed it.
    """

    conversation: str
    thinking: str
    tools: str = ""
    reference: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers that a judge may give."""

    lowest: float
    highest: float

    @property
    def whole(self) -> bool:
        """Whole numbers, few enough to be listed in a schema."""
        return self.lowest.is_integer() and self.highest.is_integer() and self.highest - self.lowest <= 100

    def numbers(self) -> list[int]:
        return list(range(int(self.lowest), int(self.highest) + 1))

    def to_unit(self, score: float) -> float:
        """A score within the scale -> [0, 1]."""
        return (score - self.lowest) / (self.highest - self.lowest)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent, and how many pieces of the policy's own text were disarmed in it."""

    messages: tuple[dict[str, str], ...]
    neutralized: int


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt template, checked."""

    system: str
    user: str
    scale: Scale

    def fill(self, case: Case, config: JudgeConfig) -> Prompt:
        """The messages for one case. Never raises on any text."""
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
        while "\n\n\n" in user:  # where a section was left out
            user = user.replace("\n\n\n", "\n\n")
        messages = (
            {"role": "system", "content": string.Template(self.system).substitute(sections).strip()},
            {"role": "user", "content": f"{user}\n{form}"},
        )
        own = (quoted[name].neutralized for name in ("thinking", "answer") if name in quoted)
        return Prompt(messages, sum(own))


def load_template(name: str) -> Template:
    """A packaged template by its name, or one's own by its path.

    Raises:
        AWPOConfigError: no such template, or one that cannot work; says what is wrong with it.
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
    return _checked(key, text)


def _checked(key: str, text: str) -> Template:
    import yaml

    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AWPOConfigError(f"{key}: not YAML: {error}") from None
    if not isinstance(given, dict) or set(given) != {"system", "user", "score"}:
        keys = sorted(map(str, given)) if isinstance(given, dict) else type(given).__name__
        raise AWPOConfigError(f"{key}: a template has the keys system, user and score; this one: {keys}.")
    texts = {name: given[name] for name in ("system", "user")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise AWPOConfigError(f"{key}: system and user must be text.")
    names: set[str] = set()
    for name, text in texts.items():
        found = list(string.Template.pattern.finditer(text))  # is_valid and get_identifiers came with Python 3.11
        if any(each["invalid"] is not None for each in found):
            raise AWPOConfigError(f"{key}: {name} has a lone $; write $$ for a dollar sign.")
        names |= {name for each in found if (name := each["named"] or each["braced"])}
    if unknown := names - set(SECTIONS):
        raise AWPOConfigError(f"{key}: unknown sections {sorted(unknown)}; there are {', '.join(SECTIONS)}.")
    if "thinking" not in names:
        raise AWPOConfigError(f"{key}: it never shows $thinking, so there is nothing to judge.")
    return Template(texts["system"], texts["user"], _scale(key, given["score"]))


def _scale(key: str, given: Any) -> Scale:
    ok = isinstance(given, list) and len(given) == 2
    ok = ok and all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e9 for n in given)
    if not ok or not given[0] < given[1]:
        raise AWPOConfigError(f"{key}: score must be [lowest, highest], two numbers, e.g. [0, 10]; it is {given}.")
    return Scale(float(given[0]), float(given[1]))
