"""The variants that an ablation compares: their names and verl's keys."""

from __future__ import annotations

from awpo_verl.config import SECTION

# docs/method.md: the baselines, and AWPO with each mechanism off. The first is what the others are compared with.
VARIANTS: dict[str, tuple[str, ...]] = {
    "awpo": (),
    "no_gate": (f"{SECTION}.gate.kind=fixed",),  # half outcome, half mix, in every group
    "hard_gate": (f"{SECTION}.gate.kind=hard",),  # the mix only in silent groups
    "agreement_gate": (f"{SECTION}.gate.kind=agreement",),  # less of the mix if reasoning contradicts the outcome
    "no_difficulty": (f"{SECTION}.difficulty.kind=none",),
    "mid_d_min": (f"{SECTION}.difficulty.d_min=0.25",),  # silent groups count 2.5 times as much
    "high_d_min": (f"{SECTION}.difficulty.d_min=0.5",),  # silent groups count 5 times as much
    "no_clip_shrink": (f"{SECTION}.clip.shrink=0",),
    "naive_mix": (
        f"{SECTION}.gate.kind=fixed",
        f"{SECTION}.gate.value=1",
        f"{SECTION}.difficulty.kind=none",
        f"{SECTION}.clip.shrink=0",
        f"{SECTION}.reasoning_std_floor=0",
    ),
    "gdpo": ("algorithm.adv_estimator=gdpo", "+algorithm.gdpo_reward_keys=[outcome,reasoning]"),
    "grpo": ("algorithm.adv_estimator=grpo",),
}


def pick_variants(names: str) -> dict[str, tuple[str, ...]]:
    """The named variants, in the given order.

    Args:
        names: separated by blanks. `name:key=value,key=value` is a variant of your own.

    Raises:
        ValueError: there is no variant with a name, or no name is given.
    """
    picked: dict[str, tuple[str, ...]] = {}
    for item in names.split():
        name, own, keys = item.partition(":")
        if own:
            if not name.replace("_", "").replace("-", "").isalnum() or not keys:
                raise ValueError(f"your own variant must be name:key=value,key=value, got {item!r}")
            picked[name] = tuple(_split(keys))
        elif name in VARIANTS:
            picked[name] = VARIANTS[name]
        else:
            raise ValueError(f"there is no variant {name!r}; use {', '.join(VARIANTS)}, or name:key=value,key=value")
    if not picked:
        raise ValueError(f"no variant is named; use some of {', '.join(VARIANTS)}")
    return picked


def _split(keys: str) -> list[str]:
    """Split at commas before a new key: values may be lists."""
    parts: list[str] = []
    for piece in keys.split(","):
        if "=" in piece and piece.partition("=")[0].lstrip("+~").replace(".", "").replace("_", "").isalnum():
            parts.append(piece)
        elif parts:
            parts[-1] += f",{piece}"
        else:
            raise ValueError(f"{keys!r} must begin with key=value")
    return parts
