"""`awpo-verl doctor` in environments that are healthy or ill, for real: packages left out, replaced or patched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from awpo_verl.integration.seams import SEAMS
from awpo_verl.workbench import doctor
from awpo_verl.workbench.doctor.machine import check_disk, check_shared_memory

PACKAGES = Path(sysconfig.get_paths()["purelib"])


def environment(folder: Path, without: Collection[str] = ()) -> tuple[Path, Path]:
    """A Python of its own that has this one's packages, but for some. Returns it and where its packages are."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for entry in PACKAGES.iterdir():
        if entry.name.split("-")[0] not in without:
            (packages / entry.name).symlink_to(entry)
    return folder / "bin" / "python", packages


CRASH = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"


def with_own(folder: Path, name: str, source: str) -> Path:
    """A Python of its own whose package of this name is but this source."""
    python, packages = environment(folder, without=(name,))
    (packages / name).mkdir()
    (packages / name / "__init__.py").write_text(source)
    return python


def diagnose(python: Path | str, *options: str, **variables: str) -> tuple[bool, dict[str, list[str]], Any]:
    """Whether it calls the environment healthy, what it says by level ("what: said"), and the process."""
    done = subprocess.run(
        [str(python), "-m", "awpo_verl", "doctor", "--json", *(options or ["--no-ray"])],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["healthy"] == (done.returncode == 0)
    said: dict[str, list[str]] = {"ok": [], "warning": [], "error": []}
    for finding in found["findings"]:
        said[finding["level"]].append(f"{finding['what']}: {finding['said']}")
    return found["healthy"], said, done


def install(packages: Path, wanted: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{wanted} cannot be had here: {done.stderr.strip().splitlines()[-1]}")


def test_this_environment_is_healthy_in_a_ray_worker_too() -> None:
    healthy, said, done = diagnose(sys.executable, "--ray", VERL_PLATFORM="cpu")
    assert healthy, said["error"]
    assert any(line.startswith("ray worker: loaded and registered in verl 0.9.1") for line in said["ok"])
    assert any(line.startswith(f"seams: {len(SEAMS)}, all") for line in said["ok"])
    assert done.stdout.count("\n") == 1  # one object and nothing else


def test_without_verl_it_says_what_to_install(tmp_path: Path) -> None:
    python, _ = environment(tmp_path, without=("verl",))
    healthy, said, _ = diagnose(python)
    assert not healthy
    assert said["error"][0].startswith(f"verl: it is not installed in this environment ({tmp_path})")
    assert 'pip install "verl==0.9.1"' in said["error"][0]


def test_another_verl_is_named_with_the_one_to_install(tmp_path: Path) -> None:
    python, packages = environment(tmp_path, without=("verl",))
    install(packages, "verl==0.8.0")
    healthy, said, _ = diagnose(python)
    assert not healthy
    assert said["error"][0].startswith("verl: 0.8.0 is not supported: AWPO knows the insides of ==0.9.1")
    assert any("PPOTrainer._compute_advantage: " in line and "No module named" in line for line in said["error"])


@pytest.mark.parametrize("policy", ["none", "another"])
def test_a_plugin_that_is_switched_off_is_traced_to_the_variable(policy: str) -> None:
    healthy, said, _ = diagnose(sys.executable, VERL_USE_EXTERNAL_PLUGINS=policy)
    assert not healthy
    assert said["error"] == [
        f"plugin: VERL_USE_EXTERNAL_PLUGINS={policy} keeps verl from loading it. Unset it, or add awpo to it."
    ]


def test_a_plugin_only_on_the_path_is_unknown_to_verl(tmp_path: Path) -> None:
    python, _ = environment(
        tmp_path, without=("awpo_verl", "__editable__.awpo_verl", "__editable___awpo_verl_0_1_0_finder.py")
    )
    healthy, said, _ = diagnose(python, PYTHONPATH=str(Path(doctor.__file__).parents[3]))
    assert not healthy
    assert said["error"][0].startswith("plugin: awpo_verl can be imported but is not installed")


def test_a_torchvision_of_another_torch_is_traced_to_it(tmp_path: Path) -> None:
    python, packages = environment(tmp_path)
    install(packages, "torchvision==0.20.0")  # built for torch 2.5
    healthy, said, _ = diagnose(python)
    assert not healthy
    assert said["error"][0].startswith("torchvision: it does not match torch ")
    assert "pip uninstall torchvision" in said["error"][0]


def test_a_torch_that_cannot_be_imported_explains_the_rest(tmp_path: Path) -> None:
    source = "raise OSError('libcudart.so.13: cannot open shared object file')\n"
    healthy, said, _ = diagnose(with_own(tmp_path, "torch", source))
    assert not healthy
    assert said["error"][0].startswith("torch: import torch fails: OSError: libcudart.so.13: cannot open")


def test_a_crash_in_importing_torch_is_reported(tmp_path: Path) -> None:
    healthy, said, _ = diagnose(with_own(tmp_path, "torch", CRASH))
    assert not healthy
    assert said["error"][0].startswith("torch: import torch fails: the checking process ended here (exit code -11")


def test_a_crash_in_another_import_is_reported_with_its_name(tmp_path: Path) -> None:
    healthy, said, _ = diagnose(with_own(tmp_path, "torchvision", CRASH))
    assert not healthy
    assert said["error"][0].startswith("torchvision: it does not match torch ")
    assert "ended here (exit code -11" in said["error"][0]
    assert "not known: the checking process ended before" in " ".join(said["error"][1:])


def test_an_untested_verl_that_is_allowed_is_a_warning(tmp_path: Path) -> None:
    python, packages = environment(tmp_path, without=("verl",))
    install(packages, "verl==0.9.0")
    _, said, _ = diagnose(python, AWPO_ALLOW_UNTESTED_VERL="1")
    assert any(line.startswith("verl: 0.9.0 is not tested with AWPO, and AWPO_ALLOW") for line in said["warning"])
    assert not any("not registered" in line for line in said["error"])
    (tmp_path / "checkout").mkdir()
    shutil.copytree(packages / "verl", tmp_path / "checkout" / "verl")
    (tmp_path / "checkout" / "verl" / "version" / "version").write_text("0.7.0\n")
    _, said, _ = diagnose(python, PYTHONPATH=str(tmp_path / "checkout"))
    assert said["error"][0].startswith("verl: 0.7.0 is not supported")


def test_a_seam_that_moved_is_named_with_what_it_carries(tmp_path: Path) -> None:
    python, packages = environment(tmp_path, without=("verl",))
    shutil.copytree(PACKAGES / "verl", packages / "verl")
    (packages / "verl-0.9.1.dist-info").symlink_to(PACKAGES / "verl-0.9.1.dist-info")
    losses = packages / "verl" / "workers" / "utils" / "losses.py"
    losses.write_text(losses.read_text().replace("def ppo_loss(", "def ppo_loss_v2("))
    healthy, said, _ = diagnose(python)
    assert not healthy
    assert any(line.startswith("seams: verl.workers.utils.losses.ppo_loss: it is not there") for line in said["error"])
    assert any("It carries: the clip scale." in line for line in said["error"])


def test_a_package_that_many_seams_need_is_one_finding(tmp_path: Path) -> None:
    python, _ = environment(tmp_path, without=("transfer_queue", "transferqueue"))
    healthy, said, _ = diagnose(python)
    assert not healthy
    [line] = [line for line in said["error"] if line.startswith("seams: ")]
    assert line.startswith("seams: ModuleNotFoundError: No module named 'transfer_queue'. Install or repair it. ")
    for part in ("PPOTrainer._compute_advantage", "transfer_queue.kv_batch_put", "advantages, v1 trainers;"):
        assert part in line


def test_a_command_line_is_composed_and_implied_keys_are_shown(tmp_path: Path) -> None:
    keys = [f"actor_rollout_ref.model.path={tmp_path}/none", f"data.train_files={tmp_path}/none.parquet"]
    keys += ["actor_rollout_ref.rollout.name=vllm", "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=4"]
    keys += ["actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4", "trainer.n_gpus_per_node=1"]
    asked = ["--no-ray", "algorithm.adv_estimator=awpo", *keys]
    healthy, said, _ = diagnose(sys.executable, *asked, VERL_PLATFORM="cpu")
    assert not healthy
    config = next(line for line in said["ok"] if line.startswith("config: "))
    assert "implied         reward.reward_manager.name=awpo" in config
    assert any(line.startswith("model: ") and "none" in line for line in said["error"])
    wrong = "algorithm.awpo.gate.kind=sometimes"
    healthy, said, _ = diagnose(sys.executable, *asked, wrong, VERL_PLATFORM="cpu")
    assert not healthy
    assert said["error"][0].startswith("config: ")
    assert "sometimes" in said["error"][0]


def test_shared_memory_of_a_container_and_a_full_disk_are_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(total=64 << 20, used=0, free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    found = check_shared_memory(has_gpu=True, folder=Path("/"))
    assert found.level == "warning"
    assert "0.062 GiB, 16 are advised" in found.message
    assert "--shm-size" in found.message
    assert [finding.level for finding in check_disk(Path("/"), has_gpu=False)] == ["warning", "warning"]
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: usage._replace(total=100 << 30, used=96 << 30, free=4 << 30)
    )
    disk = check_disk(Path("/"), has_gpu=False)
    assert [finding.level for finding in disk] == ["ok", "ok", "warning"]
    assert "96% full" in disk[-1].message
