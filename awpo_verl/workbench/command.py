"""The command `awpo-verl`, and `python -m awpo_verl`: run the CLI, or name the extra that is not installed.

This module imports only the standard library, so it can name a missing package in every environment.
"""

from __future__ import annotations

import sys

# Extra of setup.py -> the packages that it installs, by import name.
EXTRAS = {
    "workbench": (
        *("typer", "rich", "datasets", "httpx", "jinja2", "markupsafe", "matplotlib", "orjson", "pyarrow", "yaml"),
    ),
    "judge": ("openai",),
}


def main() -> None:
    """Run the command. Exit code 2 if a package of an extra is missing."""
    try:
        from awpo_verl.workbench.cli import app

        app(prog_name="awpo-verl")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next((name for name, packages in EXTRAS.items() if package in packages), None)
        if extra is None:
            raise
        message = f"awpo-verl needs the extra {extra} ({package} is missing): pip install 'awpo_verl[{extra}]'."
        print(message, file=sys.stderr)
        sys.exit(2)
