"""Is every seam as AWPO knows it? By its signature at run time; by its source as well in the doctor and `make compat`.

    python -m awpo_verl.integration.check_seams [--json]      # one line for each seam of the installed packages

A function or a parameter that is missing is an error: AWPO cannot run. Another source is a remark: the function may do
something else than in our tests, because it has another version or because somebody patched it.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from awpo_verl.integration.keys import on_cpu
from awpo_verl.integration.seams import CPU, SEAMS, Seam

State = Literal["ok", "changed", "broken"]


@dataclass(frozen=True)
class SeamStatus:
    """What the check of one seam has found.

    Attributes:
        seam: its full name.
        problem: what differs; "" if nothing does.
        feature: what does not work without the seam.
        import_error: why its module, which exists, or its whole package cannot be imported; "" if it can.
    """

    seam: str
    state: State
    problem: str
    feature: str
    import_error: str = ""


def find_function(module: Any, name: str) -> tuple[Any, str, Any]:
    """The owner of the function `name` or `Class.method` of a module, its attribute there, and the function.

    Raises:
        AttributeError: it does not exist.
    """
    owner_name, _, attribute = name.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    return owner, attribute, getattr(owner, attribute)


def hash_source(function: Any) -> str:
    """12 hex digits of the source, without our wrapper around it; "" if it has no source."""
    try:
        return hashlib.sha256(inspect.getsource(inspect.unwrap(function)).encode()).hexdigest()[:12]
    except (OSError, TypeError):
        return ""


def find_signature_problem(seam: Seam, module: Any) -> str:
    """Why AWPO cannot use the seam in its imported module; "" if it can. Cheap: it runs in each process of a run."""
    try:
        _, _, function = find_function(module, seam.name)
        there = [name for name in inspect.signature(function).parameters if name != "self"] if seam.parameters else []
    except (AttributeError, TypeError, ValueError):
        return f"it is not there: upstream has moved it. It is known in {seam.tested_with}."
    rest = iter(there)
    missing = [name for name in seam.parameters if name not in rest]  # in order: `in` goes on where it last stopped
    if not missing:
        return ""
    return (
        f"its parameters are ({', '.join(there)}), and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
        f"not where AWPO relies on it. It is known in {seam.tested_with} with ({', '.join(seam.parameters)})."
    )


def check_seam(seam: Seam, module: Any) -> SeamStatus:
    """Signature and source of a seam in its imported module."""
    problem = find_signature_problem(seam, module)
    if problem:
        return SeamStatus(seam.full_name, "broken", problem, seam.feature)
    if seam.source_hash and hash_source(find_function(module, seam.name)[2]) != seam.source_hash:
        problem = f"its source is not that of {seam.tested_with}, which AWPO has been tested with."
        return SeamStatus(seam.full_name, "changed", problem, seam.feature)
    return SeamStatus(seam.full_name, "ok", "", seam.feature)


def check_all_seams() -> list[SeamStatus]:
    """All seams of the installed packages; those of the CPU platform only if the run asks for it. Takes seconds."""
    found: list[SeamStatus] = []
    for seam in SEAMS:
        if seam.feature == CPU and not on_cpu():
            continue
        try:
            module = importlib.import_module(seam.module)
        except Exception as error:  # noqa: BLE001  # a module may raise anything where its packages clash
            cause = f"{type(error).__name__}: {error}"
            problem = f"{seam.module} cannot be imported: {cause}"
            import_error = "" if _has_moved(error, seam) else cause
            found.append(SeamStatus(seam.full_name, "broken", problem, seam.feature, import_error))
        else:
            found.append(check_seam(seam, module))
    return found


def _has_moved(error: Exception, seam: Seam) -> bool:
    """Whether the package exists and lacks the seam's own module."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    return "." in error.name and f"{seam.module}.".startswith(f"{error.name}.")


def main() -> int:
    """Print one line for each seam. The exit code is 1 if one is broken."""
    statuses = check_all_seams()
    for status in statuses:
        if "--json" in sys.argv:
            print(json.dumps(asdict(status)))
        else:
            print(f"{status.state:>8}  {status.seam}" + (f": {status.problem}" if status.problem else ""))
    return int(any(status.state == "broken" for status in statuses))


if __name__ == "__main__":
    sys.exit(main())
