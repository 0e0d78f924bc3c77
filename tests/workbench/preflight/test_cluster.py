"""Several nodes: a real Ray cluster of two on this machine, and what is said when one is missing or differs."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from awpo_verl.workbench.bfcl.server import find_free_port
from awpo_verl.workbench.preflight import cluster
from tests.workbench.preflight.conftest import on_path

RECIPE = Path("recipes/run_awpo_multinode.sh").resolve()


def test_a_port_where_nothing_listens_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{find_free_port()}"
    assert cluster.main(["--address", address, "--gpus", "0", "--timeout", "0"]) == 1
    assert f"nothing listens at {address}" in capsys.readouterr().err
    assert cluster.main(["--address", "head", "--gpus", "0", "--timeout", "0"]) == 1
    assert "it must be host:port" in capsys.readouterr().err


def test_nodes_with_other_packages_are_named() -> None:
    same = dict.fromkeys(cluster.PACKAGES, "1.0")
    assert cluster.find_differences({"a": same, "b": same}) == ""
    said = cluster.find_differences({"a": same, "b": same | {"verl": "0.9.0"}, "c": same})
    assert (
        said
        == "the nodes have different versions of verl: 0.9.0 on b; 1.0 on a, c. Install the same version everywhere."
    )
    assert "not installed on b" in cluster.find_differences({"a": same, "b": {}})


@contextmanager
def node(
    rank: int, port: int, recipe: Path, log: Path, ray_folder: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The recipe as it runs on one node. Whatever happens, it and its Ray end with the test."""
    environment = on_path() | {
        "HEAD": "127.0.0.1",
        "NODES": "2",
        "GPUS": "1",
        "NODE_RANK": str(rank),
        "RAY_PORT": str(port),
        "RECIPE": str(recipe),
        "RAY_AUTH_TOKEN": "0123456789abcdef" * 2,
        "RAY_TMPDIR": str(ray_folder),  # or other Rays of this machine would join this one
        **settings,
    }
    environment.pop("RAY_ADDRESS", None)
    with log.open("wb") as output:
        process = subprocess.Popen(["bash", str(RECIPE), "trainer.x=1"], env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=120)


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """A short path: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="awpo", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_the_recipe_runs_once_all_nodes_have_joined_and_ends_the_cluster(tmp_path: Path, ray_folder: Path) -> None:
    recipe = tmp_path / "recipe.sh"
    recipe.write_text('echo "recipe: $RAY_ADDRESS NODES=$NODES PROMPTS=$PROMPTS $*"; exit 7\n')
    port = find_free_port()
    head_log, worker_log = tmp_path / "head.log", tmp_path / "worker.log"
    with node(1, port, recipe, worker_log, ray_folder) as worker, node(0, port, recipe, head_log, ray_folder) as head:
        assert head.wait(timeout=300) == 7, head_log.read_text()  # the recipe's own exit code
        # Ray ends it when the head is gone; the run's exit code is the head's (Slurm reports the highest of all tasks)
        assert worker.wait(timeout=120) == 0, worker_log.read_text()
    said = head_log.read_text()
    assert f"recipe: 127.0.0.1:{port} NODES=2 PROMPTS=256 trainer.x=1" in said
    assert f"2 of 2 GPUs have joined 127.0.0.1:{port}" in said
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_missing_node_is_reported_in_time(tmp_path: Path, ray_folder: Path) -> None:
    recipe = tmp_path / "recipe.sh"
    recipe.write_text("echo the recipe has begun\n")
    log = tmp_path / "head.log"
    with node(0, find_free_port(), recipe, log, ray_folder, JOIN_TIMEOUT="30") as head:
        assert head.wait(timeout=300) == 1
    assert "1 of 2 GPUs have joined" in log.read_text()
    assert "in time" in log.read_text()
    assert "the recipe has begun" not in log.read_text()


def test_a_head_that_cannot_start_is_reported_at_once(tmp_path: Path, ray_folder: Path) -> None:
    recipe = tmp_path / "recipe.sh"
    recipe.write_text("echo the recipe has begun\n")
    log = tmp_path / "head.log"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()  # and never answers
        port = other.getsockname()[1]
        with node(0, port, recipe, log, ray_folder, JOIN_TIMEOUT="600") as head:
            assert head.wait(timeout=200) != 0
    assert "Ray's head has stopped before all nodes joined" in log.read_text()
    assert "the recipe has begun" not in log.read_text()


def test_a_missing_head_address_is_named(tmp_path: Path) -> None:
    environment = {key: value for key, value in on_path().items() if key not in ("HEAD", "SLURM_JOB_NODELIST")}
    done = subprocess.run(["bash", str(RECIPE)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "HEAD is not set" in done.stderr
    assert os.environ.get("RAY_ADDRESS") is None
