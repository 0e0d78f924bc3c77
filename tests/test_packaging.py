"""The wheel and the sdist: everything that is needed is in them, and an environment without anything can import it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from awpo_verl.versions import SUPPORTED_VERL, __version__
from tests.paths import ROOT


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has, so that nothing is built into the working tree."""
    folder: Path = tmp_path_factory.mktemp("source")
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def built(folder: Path, out: Path) -> Path:
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out)
    run(sys.executable, "-m", "pip", "wheel", *options, folder)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(source, tmp_path_factory.mktemp("wheel"))


def test_every_file_of_the_package_is_in_the_wheel_and_nothing_else(wheel: Path, source: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = [path for path in (source / "awpo_verl").rglob("*") if path.is_file()]
    assert inside == {str(path.relative_to(source)) for path in files}
    assert "awpo_verl/py.typed" in inside


def test_the_metadata_names_verl_the_extras_and_the_plugin(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = {name.split("/")[1]: name for name in archive.namelist() if ".dist-info/" in name and name.count("/") == 1}
    metadata = message_from_string(archive.read(names["METADATA"]).decode())
    assert metadata["Version"] == __version__
    assert f"verl{SUPPORTED_VERL}" in (metadata.get_all("Requires-Dist") or [])
    assert set(metadata.get_all("Provides-Extra") or []) == {"workbench", "judge", "gpu", "dev", "docs"}
    points = archive.read(names["entry_points.txt"]).decode()
    assert "awpo = awpo_verl.plugin:register" in points
    assert "awpo-verl = awpo_verl.workbench.command:main" in points


def test_a_wheel_of_the_sdist_is_the_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    run(sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", tmp_path, cwd=source)
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "unpacked")  # tarfile's filter is 3.11.4's
    again = built(next((tmp_path / "unpacked").iterdir()), tmp_path / "again")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_it_can_be_imported_where_nothing_else_is_installed(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=False, symlinks=True)
    packages = next(tmp_path.glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(packages)
    code = "import sys, awpo_verl; print(awpo_verl.__version__, awpo_verl.__file__, len(sys.modules))"
    version, file, modules = run(tmp_path / "bin" / "python", "-I", "-c", code, cwd=tmp_path).split()
    assert version == __version__
    assert file.startswith(str(packages))
    assert int(modules) < 100  # torch alone is over a thousand
