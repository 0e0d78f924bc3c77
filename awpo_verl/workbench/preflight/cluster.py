"""Wait until every node has joined a Ray cluster, and check that all nodes have the same packages.

    python -m awpo_verl.workbench.preflight.cluster --address 10.0.0.1:6379 --gpus 64 --timeout 900

Exit code 0 as soon as the cluster has that many GPUs, 1 if it does not in time, or if nodes differ. With --gpus 0 it
waits only for the port; a node does this before it joins.
"""

from __future__ import annotations

import argparse
import logging
import socket
import sys
import time
from collections.abc import Mapping

PACKAGES = ("awpo_verl", "verl", "vllm", "torch", "ray")
PAUSE = 2.0  # seconds between checks


class ClusterError(RuntimeError):
    """The cluster is not as requested. The message says what was found."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--address", required=True, help="host:port of the head")
    parser.add_argument("--gpus", type=int, required=True, help="of all nodes together; 0: wait only for the port")
    parser.add_argument("--timeout", type=float, default=900, help="seconds")
    options = parser.parse_args(arguments)
    ends = time.monotonic() + options.timeout
    try:
        wait_for_port(options.address, ends)
        if options.gpus:
            wait_for_gpus(options.address, options.gpus, ends)
    except ClusterError as error:
        print(f"awpo_verl: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def wait_for_port(address: str, ends: float) -> None:
    """Wait until something listens at host:port.

    Args:
        ends: the time.monotonic() at which to give up.

    Raises:
        ClusterError: nothing listens in time, or the address is wrong.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"the address is {address!r}; it must be host:port, such as 10.0.0.1:6379")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=PAUSE).close()
            return
        except OSError as error:
            if time.monotonic() >= ends:
                raise ClusterError(
                    f"nothing listens at {address} ({error}). Does the recipe run on the head, with NODE_RANK=0, and "
                    "is the port open between the nodes?"
                ) from None
        time.sleep(PAUSE)


def wait_for_gpus(address: str, gpus: int, ends: float) -> None:
    """Wait until the cluster has this many GPUs. Raises ClusterError at `ends`, or if the nodes' packages differ."""
    import ray

    join_cluster(address)
    try:
        printed = ""
        while True:
            alive = [node for node in ray.nodes() if node["Alive"]]
            by_node = [(node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0))) for node in alive]
            have = sum(count for _, count in by_node)
            nodes = ", ".join(f"{host} ({count})" for host, count in sorted(by_node))
            if nodes != printed:
                print(f"awpo_verl: {have} of {gpus} GPUs have joined {address}: {nodes}", flush=True)
                printed = nodes
            if have >= gpus:
                break
            if time.monotonic() >= ends:
                raise ClusterError(
                    f"{have} of {gpus} GPUs have joined {address} in time: {nodes}. The others are missing."
                )
            time.sleep(PAUSE)
        if problem := find_differences(_versions()):
            raise ClusterError(problem)
    finally:
        ray.shutdown()


def join_cluster(address: str) -> None:
    """Connect this process to the cluster. Raises ClusterError with the reason if it cannot."""
    import ray

    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = f"{error.__cause__ or ''} {error}"
        if "token" in reason.lower():
            raise ClusterError(
                f"the Ray cluster at {address} needs a token that this node does not have. Set RAY_AUTH_MODE=token and "
                "RAY_AUTH_TOKEN to the same on every node."
            ) from None
        raise ClusterError(f"no Ray cluster at {address}: {str(error).strip().splitlines()[0]}") from None


def find_differences(versions: Mapping[str, Mapping[str, str]]) -> str:
    """Describe the first package whose version differs between nodes; "" if none does.

    Args:
        versions: node -> package -> version.
    """
    for package in PACKAGES:
        by_version: dict[str, list[str]] = {}
        for node, installed in versions.items():
            by_version.setdefault(installed.get(package, "not installed"), []).append(node)
        if len(by_version) > 1:
            found = "; ".join(f"{version} on {', '.join(nodes)}" for version, nodes in sorted(by_version.items()))
            return f"the nodes have different versions of {package}: {found}. Install the same version everywhere."
    return ""


def _versions() -> dict[str, dict[str, str]]:
    """Installed versions by node."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(installed_versions)
    pending = {
        f"{node['NodeManagerAddress']}/{node['NodeID'][:6]}": look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in ray.nodes()
        if node["Alive"]
    }
    return {node: ray.get(result) for node, result in pending.items()}


def installed_versions() -> dict[str, str]:
    """Versions of PACKAGES in this process."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


if __name__ == "__main__":
    sys.exit(main())
