"""docs/configuration.md: every key, from the dataclasses and their docstrings.

python -m awpo_verl.config.reference > docs/configuration.md
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from awpo_verl.config import AWPOConfig
from awpo_verl.config.bounds import SECTION

HEAD = f"""# Configuration

Every key of `{SECTION}`, set on verl's command line without `+`, as in `{SECTION}.gate.kind=hard`. This page is
made from the dataclasses in `awpo_verl/config/` by `python -m awpo_verl.config.reference`. An unknown key, a wrong type
or a value out of its bounds stops the run before Ray starts, and is named.

`algorithm.adv_estimator=awpo` also selects `actor_rollout_ref.actor.policy_loss.loss_mode=awpo` and
`reward.reward_manager.name=awpo` where these keys are at verl's defaults; the start of the run says so.
"""


def reference() -> str:
    """The page, in Markdown.

    Raises:
        KeyError: a key is not in the docstring of its dataclass.
    """
    config = AWPOConfig()
    sections = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    own = {name: value for name, value in sections.items() if not dataclasses.is_dataclass(value)}
    pages = [_section(SECTION, config, list(own))]
    pages += [_section(f"{SECTION}.{name}", value) for name, value in sections.items() if name not in own]
    return "\n".join([HEAD, *pages])


def _section(title: str, config: Any, names: list[str] | None = None) -> str:
    intro, meanings = meanings_of(config)
    rows = [
        f"| `{f.name}` | `{_shown(getattr(config, f.name))}` | {_cell(meanings[f.name])} |"
        for f in dataclasses.fields(config)
        if names is None or f.name in names
    ]
    return "\n".join([f"## `{title}`", "", intro, "", "| key | default | meaning |", "|---|---|---|", *rows, ""])


def meanings_of(config: Any) -> tuple[str, dict[str, str]]:
    """A dataclass's docstring: what is before its keys, and what it says of each (`key: text`, then indented)."""
    before: list[str] = []
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(config.__doc__ or "").splitlines():
        key = re.match(r"(\w+): (.*)", line)
        if key and key[1] in {f.name for f in dataclasses.fields(config)}:
            name = key[1]
            found[name] = key[2]
        elif name and line.startswith(" "):
            found[name] += " " + line.strip()
        else:
            before.append(line)
    return "\n".join(before).strip(), found


def _shown(value: object) -> str:
    return "(empty)" if value == "" else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
