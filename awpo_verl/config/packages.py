"""Packages that only some settings need, and that the package's extras install."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from awpo_verl.config.bounds import SECTION, AWPOConfigError


def require_package(package: str, extra: str, setting: str) -> None:
    """Check that a package is installed, without importing it.

    Args:
        extra: the extra of awpo_verl that installs it.
        setting: the setting under `algorithm.awpo` that needs it, such as reasoning_source=judge.

    Raises:
        AWPOConfigError: the package is missing. The message names the setting and the command that installs it.
    """
    if sys.modules.get(package) is not None:
        return
    try:
        found = importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise _missing(package, extra, setting)


def import_package(package: str, extra: str, setting: str) -> ModuleType:
    """Import a package; arguments and errors as for `require_package`."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise _missing(package, extra, setting) from error


def _missing(package: str, extra: str, setting: str) -> AWPOConfigError:
    return AWPOConfigError(f"{SECTION}.{setting} needs the package {package}: pip install 'awpo_verl[{extra}]'")
