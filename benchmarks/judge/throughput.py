"""Measure the judge's throughput: judgements a second, as a share of concurrency / latency.

    python -m benchmarks.judge.throughput [--judgements 5000] [--latency 0.2] [--concurrency 16 32 64] [--json FILE]

All judgements are requested at once, as at the end of a wave of rollouts. A server in its own process on this machine
answers each request after the latency. The time counts from the first to the last judgement, ramp-up and tail included.
CPU is the time of the judge's process, which a reward worker pays besides waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import time
from collections import Counter
from pathlib import Path

import numpy as np

from awpo_verl.config import JudgeConfig
from awpo_verl.rewards.reasoning.judge import Case, make_judge
from tests.rewards.reasoning.judge.judge_server import JudgeServer

TEXT = "the order number stands in the second message so the tool needs it as a string and the date as given"
WORDS = TEXT.split()


def case(number: int) -> Case:
    """A case with about 7 kB of prompt, different for each number."""
    text = " ".join(WORDS[(number + i) % len(WORDS)] for i in range(400))
    return Case(
        conversation=f"Cancel order {number}.\n{text}",
        tools=json.dumps({"name": "cancel", "parameters": {"order": {"type": "string", "description": text}}}),
        thinking=f"Order {number}: {text}",
        answer=json.dumps({"name": "cancel", "arguments": {"order": str(number)}}),
    )


async def measure(server: JudgeServer, judgements: int, latency: float, concurrency: int) -> dict[str, float]:
    endless = 100.0 + 10.0 * judgements * latency / concurrency  # seconds: long enough to wait in the queue
    config = JudgeConfig(
        base_url=server.base_url, model="judge", concurrency=concurrency, deadline=endless, step_budget=endless
    )
    judge = make_judge(config)
    cases = [case(number) for number in range(judgements)]
    await judge.score(case(-1))  # imports
    gc.collect()
    asked = len(server.log())
    cpu, wall = time.process_time(), time.perf_counter()
    results = await asyncio.gather(*(judge.score(each) for each in cases))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await judge.close()
    statuses = Counter(result.status for result in results)
    assert statuses == {"ok": judgements}, statuses
    arrivals = [record["t"] for record in server.log()[asked:]]
    assert len(arrivals) == judgements
    seconds = [result.seconds for result in results]
    return {
        "concurrency": concurrency,
        "seconds": wall,
        "judgements_per_second": judgements / wall,
        "ratio": judgements / wall / (concurrency / latency),
        "cpu_ms_per_judgement": 1000 * cpu / judgements,
        "with_queue_p50": float(np.percentile(seconds, 50)),
        "with_queue_p99": float(np.percentile(seconds, 99)),
        "most_in_flight": max(record["in_flight"] for record in server.log()[asked:]),
    }


async def latencies(server: JudgeServer, latency: float, concurrency: int, waves: int = 20) -> dict[str, float]:
    """Without a queue: as many as there are slots, wave after wave."""
    config = JudgeConfig(base_url=server.base_url, model="judge", concurrency=concurrency)
    judge = make_judge(config)
    await judge.score(case(-1))
    seconds: list[float] = []
    for wave in range(waves):
        asked = (judge.score(case(wave * concurrency + i)) for i in range(concurrency))
        seconds += [result.seconds for result in await asyncio.gather(*asked)]
    await judge.close()
    return {f"latency_p{q}": float(np.percentile(seconds, q)) for q in (50, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgements", type=int, default=5000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the server takes")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--json", type=Path, help="write the table there too")
    options = parser.parse_args()
    print(f"{options.judgements} judgements, a server that takes {options.latency:g} s, {os.cpu_count()} CPUs")
    print(f"{'concurrency':>11} {'per s':>7} {'of ideal':>8} {'CPU ms each':>11} {'latency p50':>11} {'p99':>6}")
    rows: list[dict[str, float]] = []
    with JudgeServer(latency=options.latency) as server:
        for concurrency in options.concurrency:
            row = asyncio.run(measure(server, options.judgements, options.latency, concurrency))
            row |= asyncio.run(latencies(server, options.latency, concurrency))
            rows.append(row)
            print(
                f"{concurrency:>11} {row['judgements_per_second']:>7.1f} {row['ratio']:>8.3f} "
                f"{row['cpu_ms_per_judgement']:>11.2f} {row['latency_p50']:>11.3f} {row['latency_p99']:>6.3f}",
                flush=True,
            )
    if options.json:
        setting = {"judgements": options.judgements, "latency": options.latency, "python": platform.python_version()}
        options.json.write_text(json.dumps({**setting, "cpus": os.cpu_count(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
