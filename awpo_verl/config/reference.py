"""docs/configuration.md: every key, from the dataclasses, their docstrings and the tables of kinds.

python -m awpo_verl.config.reference > docs/configuration.md
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from awpo_verl.algorithm.difficulty import DIFFICULTIES
from awpo_verl.algorithm.gate import GATES
from awpo_verl.config import SECTION, AWPOConfig
from awpo_verl.config.kinds import Kinds

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


WIDTH = 110
HEAD = f"""# Configuration

The keys of `{SECTION}`, with their defaults in brackets. Set them on verl's command line without
`+`, as in `{SECTION}.gate.kind=hard`. An unknown key, a wrong type or a value out of its bounds stops
the run before Ray starts, and the message names the key.

`algorithm.adv_estimator=awpo` also sets `actor_rollout_ref.actor.policy_loss.loss_mode=awpo` and
`reward.reward_manager.name=awpo` where these keys have verl's defaults. The start of the run logs it.

This page is made by `python -m awpo_verl.config.reference > docs/configuration.md`.
"""
KINDS: dict[str, Kinds[Callable[..., object]]] = {"gate": GATES, "difficulty": DIFFICULTIES}


def reference() -> str:
    """The page, in Markdown.

    Raises:
        KeyError: a key is missing in the docstring of its dataclass.
    """
    config = AWPOConfig()
    pages = [_write_section(SECTION, config)]
    pages += [_write_section(f"{SECTION}.{name}", getattr(config, name)) for name in _nested(config)]
    return "\n".join([HEAD, *pages])


def _write_section(title: str, config: DataclassInstance) -> str:
    intro, meanings = read_meanings(config)
    lines = [f"## `{title}`", "", textwrap.fill(_link(intro), WIDTH), ""]
    for name, meaning in meanings.items():
        meaning += _name_readers(title.rpartition(".")[2], name)
        lines += _write_item(f"- `{name}` ({_show(getattr(config, name))}): {meaning}", "")
        if name == "kind":
            lines += _write_kinds(title.rpartition(".")[2])
    return "\n".join([*lines, ""])


def _name_readers(section: str, key: str) -> str:
    """Which kinds read a key, from the section's table; "" for the other keys."""
    readers = [f"`{name}`" for name, kind in KINDS.get(section, {}).items() if key in kind.reads]
    return f" Read by kind {', '.join(readers)}." if readers else ""


def _write_kinds(section: str) -> Iterator[str]:
    """The values of the key `kind`, from the section's table."""
    for name, kind in KINDS[section].items():
        yield from _write_item(f"- `{name}`: {kind.summary}", " " * 4)
    yield from _write_item("- `module:function`: your own (docs/extending.md#a-gate).", " " * 4)


def _write_item(text: str, indent: str) -> list[str]:
    # long words stay whole, and so do those with hyphens: a link must not break
    return textwrap.wrap(
        _link(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def read_meanings(config: DataclassInstance) -> tuple[str, dict[str, str]]:
    """Read a dataclass's docstring: the text before its keys, and the meaning of each key (`key: text`, then indented).

    Raises:
        KeyError: a key has no meaning there.
    """
    names = [field.name for field in dataclasses.fields(config)]
    before: list[str] = []
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(config.__doc__ or "").splitlines():
        key = re.match(r"(\w+): (.*)", line)
        if key and key[1] in names:
            name = key[1]
            found[name] = key[2]
        elif name and line.startswith(" "):
            found[name] += " " + line.strip()
        else:
            before.append(line)
    return " ".join(" ".join(before).split()), {name: found[name] for name in names if name not in _nested(config)}


def _nested(config: DataclassInstance) -> list[str]:
    """The keys that are sections of their own."""
    names = [field.name for field in dataclasses.fields(config)]
    return [name for name in names if dataclasses.is_dataclass(getattr(config, name))]


def _link(text: str) -> str:
    """`docs/page.md#part` as a link from one page to another."""
    return re.sub(r"docs/((\w+\.md)(#[\w-]+)?)", r"[\2](\1)", text)


def _show(value: object) -> str:
    return "empty" if value == "" else f"`{value}`"


if __name__ == "__main__":
    print(reference(), end="")
