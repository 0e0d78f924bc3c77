"""Time, peak memory and memory bandwidth, on the CPU (Linux) or a CUDA device.

Time: the variants run in turn, round after round, so that noise on the machine affects them alike; on CUDA, by events.
Memory on the CPU: one run in a fresh process, the kernel's high-water mark of its resident memory (VmHWM, reset after
the inputs are made) minus the memory resident before. On CUDA: torch's max_memory_allocated.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.cost.cases import KINDS

ROUNDS, MIN_ROUNDS = 9, 3  # after an uncounted one


@dataclass(frozen=True)
class Times:
    """Seconds."""

    median: float
    fastest: float
    slowest: float


@dataclass(frozen=True)
class Memory:
    """Bytes of one run.

    Attributes:
        beyond: the peak beyond the inputs, outputs included.
        total: the peak of inputs, run, and the making of the inputs.
    """

    beyond: int
    total: int


def timed(run: Mapping[str, Callable[[], Any]], device: str = "cpu", budget_s: float = 30.0) -> dict[str, Times]:
    """Time each of `run` in turn, for 9 rounds, or for at least 3 if `budget_s` seconds are over."""
    clock = _cuda_seconds if device == "cuda" else _seconds
    for fn in run.values():
        clock(fn)
    spent: dict[str, list[float]] = {name: [] for name in run}
    start = time.monotonic()
    for done in range(ROUNDS):
        if done >= MIN_ROUNDS and time.monotonic() - start > budget_s:
            break
        for name, fn in run.items():
            spent[name].append(clock(fn))
    return {name: Times(statistics.median(all_), min(all_), max(all_)) for name, all_ in spent.items()}


def _seconds(fn: Callable[[], Any]) -> float:
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


def _cuda_seconds(fn: Callable[[], Any]) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    fn()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def bandwidth(device: str = "cpu", n: int = 2**26) -> float:
    """Bytes per second of STREAM's triad, a = b + 2 c, in its best round; 3 float32 arrays of n, 0.8 GB in total."""
    a, b, c = (torch.ones(n, device=device) for _ in range(3))
    times = timed({"triad": lambda: torch.add(b, c, alpha=2.0, out=a)}, device)
    return 12 * n / times["triad"].fastest


def memory(kind: str, variant: str, rows: int, tokens: int, device: str = "cpu") -> Memory:
    """Peak memory of one run."""
    if device == "cuda":
        return _cuda_memory(kind, variant, rows, tokens)
    # each process is forked from a server that has imported everything and run nothing
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.cost.cases"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_resident, kind, variant, rows, tokens, torch.get_num_threads()).result()


def _resident(kind: str, variant: str, rows: int, tokens: int, threads: int) -> Memory:
    torch.set_num_threads(threads)
    KINDS[kind](16, 8).run[variant]()
    before = _status("VmRSS")
    case = KINDS[kind](rows, tokens)
    made = _status("VmHWM")
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the high-water mark is what is resident now
    inputs = _status("VmRSS")
    outputs = case.run[variant]()
    peak = _status("VmHWM")
    del outputs
    return Memory(peak - inputs, max(made, peak) - before)


def _cuda_memory(kind: str, variant: str, rows: int, tokens: int) -> Memory:
    KINDS[kind](16, 8, "cuda").run[variant]()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    case = KINDS[kind](rows, tokens, "cuda")
    made = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    inputs = torch.cuda.memory_allocated()
    outputs = case.run[variant]()
    peak = torch.cuda.max_memory_allocated()
    del outputs
    return Memory(peak - inputs, max(made, peak) - before)


def free_bytes(device: str = "cpu") -> int:
    """Bytes that are free now without swapping."""
    if device == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info()[0]
    return _kilobytes("/proc/meminfo", "MemAvailable")


def device_name(device: str = "cpu") -> str:
    """Name of the processor or GPU, threads and torch version."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "CPU")
    return f"{model}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _status(name: str) -> int:
    """VmRSS or VmHWM of this process, bytes."""
    return _kilobytes("/proc/self/status", name)


def _kilobytes(path: str, name: str) -> int:
    """The value of the line `name: value kB`, in bytes."""
    with open(path) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(f"{name}:"))
