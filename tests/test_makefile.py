"""`make install` and `make test`, with a stand-in for Python that only says how it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip "*) echo "WARNING: Location '/nowhere' is ignored" >&2; echo "pip says why" >&2; exit "$PIP" ;;
  "-m pytest "*"not loop"*) echo "the others: $*"; exit "$OTHERS" ;;
  "-m pytest "*) echo "here: $*"; exit "$LOOPS" ;;
esac
"""


def make(folder: Path, *arguments: str, pip: int = 0, loops: int = 0, others: int = 0) -> tuple[int, str]:
    """The exit code and the output of make. Its environment is in the folder; what it calls has these exit codes."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    python = folder / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    codes = {"PIP": str(pip), "LOOPS": str(loops), "OTHERS": str(others)}
    done = subprocess.run(
        ["make", f"PYTHON={python}", f"VENV={folder}/venv", *arguments],
        env={key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "TESTS")} | codes,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_install_that_works_shows_no_warnings_of_pip(tmp_path: Path) -> None:
    code, output = make(tmp_path, "install")
    assert code == 0, output
    assert "is ignored" not in output
    assert (tmp_path / "venv" / ".ready").exists()


def test_an_install_that_fails_shows_what_pip_said_and_is_not_taken_for_done(tmp_path: Path) -> None:
    code, output = make(tmp_path, "install", pip=1)
    assert code != 0
    assert "pip says why" in output
    assert not (tmp_path / "venv" / ".ready").exists()


@pytest.mark.parametrize(("loops", "others"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_the_tests_pass_if_both_parts_pass(tmp_path: Path, loops: int, others: int) -> None:
    code, output = make(tmp_path, "test", loops=loops, others=others)
    assert (code == 0) == (loops == others == 0), output
    assert "here: -m pytest -m loop and not gpu\n" in output
    assert "the others: -m pytest -m not gpu and not loop\n" in output


def test_named_tests_run_alone(tmp_path: Path) -> None:
    code, output = make(tmp_path, "test", "TESTS=tests/config/test_config.py")
    assert code == 0, output
    assert "here: -m pytest -m not gpu tests/config/test_config.py\n" in output
    assert "the others" not in output
