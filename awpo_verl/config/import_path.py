"""`module:object`: a user's own object, for keys that also take a name of ours."""

from __future__ import annotations

import importlib
import re

from awpo_verl.config.bounds import SECTION, AWPOConfigError

_FORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_import_path(given: str) -> bool:
    """Whether a value has the form `module:object`."""
    return _FORM.fullmatch(given) is not None


def load_object(key: str, path: str) -> object:
    """Import `module:object`.

    Args:
        key: the key of the config, for the message.
        path: its value.

    Raises:
        AWPOConfigError: the import fails; names the key and the reason.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise AWPOConfigError(
            f"{SECTION}.{key}={path} cannot be used: {type(error).__name__}: {error}. Every worker must be able to "
            "import it: install the module, or put its folder on PYTHONPATH before Ray starts."
        ) from error
