"""AWPO for verl: reinforcement learning of tool calls from outcome and reasoning. See README.md.

Importing the package is light: torch and verl are imported by the modules that need them.
"""

from awpo_verl.versions import SUPPORTED_VERL, __version__

__all__ = ["SUPPORTED_VERL", "__version__"]
