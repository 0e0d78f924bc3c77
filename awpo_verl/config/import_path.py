"""`module:object` of a user's own, where a key also takes a name of ours."""

from __future__ import annotations

import importlib
import re
from typing import Any

from awpo_verl.config.bounds import SECTION, AWPOConfigError

_FORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_own(given: str) -> bool:
    """Whether a value has the form `module:object`."""
    return _FORM.fullmatch(given) is not None


def load_own(key: str, given: str) -> Any:
    """Import `module:object`.

    Args:
        key: of the config, for the error.

    Raises:
        AWPOConfigError: it cannot be imported; names the key and why.
    """
    module, _, name = given.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise AWPOConfigError(
            f"{SECTION}.{key}={given} cannot be used: {type(error).__name__}: {error}. Every worker must be able to "
            "import it: install the module, or put its folder on PYTHONPATH before Ray starts."
        ) from error
