"""The pages say what is: every block of code in them is run or read, and every error message of ours has its entry."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awpo_verl.config import parse
from awpo_verl.config.reference import reference

PAGES = [
    *map(Path, ("README.md", "CONTRIBUTING.md", "recipes/README.md")),
    *sorted(Path("docs").glob("*.md")),
    *sorted(Path("benchmarks").glob("**/README.md")),
]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Whose messages a user meets in a run, or before one; the parsers' reasons and the data preparation's are reports.
TOLD = (
    *("plugin.py", "versions.py", "integration", "config", "algorithm", "workbench/preflight", "workbench/doctor"),
    *("rewards/manager.py", "rewards/parts.py", "rewards/turns.py"),
    "rewards/outcome/formats/__init__.py",
    *("rewards/row.py", "rewards/outcome/target.py", "rewards/outcome/schema.py"),
    *("rewards/outcome/expected_calls.py", "rewards/outcome/expected_trajectory.py"),
    *("rewards/outcome/execution/rows.py", "rewards/outcome/execution/replay.py"),
    *("rewards/reasoning/judge/client.py", "rewards/reasoning/judge/endpoint.py"),
    *("rewards/reasoning/judge/metrics.py", "rewards/reasoning/judge/prompt.py"),
)


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of every block of code in that language."""
    return [(str(page), text) for page in PAGES for lang, text in BLOCK.findall(page.read_text()) if lang == language]


def test_every_block_names_its_language() -> None:
    found = {(str(page), lang) for page in PAGES for lang, _ in BLOCK.findall(page.read_text())}
    assert {pair for pair in found if pair[1] not in ("bash", "python", "json", "text")} == set()


@pytest.mark.parametrize("page", sorted({page for page, _ in blocks("python")}))
def test_the_python_of_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    text = "\n".join(code for of, code in blocks("python") if of == page)
    quoted = re.sub(r'^--8<-- "(.+)"$', lambda found: Path(found[1]).read_text(), text, flags=re.MULTILINE)
    (tmp_path / "page.py").write_text(quoted)  # a module: an environment must be importable
    paths = os.pathsep.join([str(Path.cwd()), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", "import page"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    if page.endswith("comparison.md"):
        assert done.stdout in dict(blocks("text"))[page]


def test_json_blocks_are_json() -> None:
    for page, text in blocks("json"):
        for value in text.split("\n\n"):
            assert isinstance(json.loads(value), dict), page


def commands() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """(page, words, settings before the command) of every command in the bash blocks."""
    for page, text in blocks("bash"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            ends = [i for i, word in enumerate(words) if word.endswith(";") or word in ("&&", "|")]
            for start, end in zip([0, *(i + 1 for i in ends)], [*ends, len(words)], strict=True):
                parts = [word.rstrip(";") for word in words[start : end + 1] if word not in ("&&", "|")]
                settings = {}
                while parts and re.fullmatch(r"[A-Z_]+=.*", parts[0], re.DOTALL):
                    name, _, settings[name] = parts.pop(0).partition("=")
                if parts:
                    yield page, parts, settings


def test_every_command_of_the_pages_exists_with_its_options() -> None:
    import typer.main

    from awpo_verl.workbench.cli import app

    ours = typer.main.get_command(app)
    targets = set(re.findall(r"^([a-z]+):", Path("Makefile").read_text(), re.MULTILINE))
    seen = 0
    for page, words, settings in commands():
        told = f"{page}: {' '.join(words)}"
        if words[0] == "awpo-verl":
            command = ours.commands[words[1]]  # type: ignore[attr-defined]
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            given = {word.partition("=")[0] for word in words[2:] if word.startswith("--")}
            assert given <= known, told
        elif words[0] == "make":
            assert words[1] in targets, told
            assert {word.partition("=")[0] for word in words[2:] if "=" in word} <= {
                "SEED",
                "ALGO",
                "TASK",
                "STEPS",
                "VERL",
            }
        elif words[0] == "bash":
            script = Path(words[1])
            assert script.exists(), told
            text = script.read_text() + "".join(
                other.read_text() for other in script.parent.glob("*.sh") if other.name in script.read_text()
            )
            assert {name for name in settings if not re.search(rf"\b{name}\b", text)} <= {"VLLM_CPU_KVCACHE_SPACE"}, (
                told
            )
        elif words[:2] == ["python", "-m"] and words[2].startswith(("benchmarks", "awpo_verl")):
            module = Path(words[2].replace(".", "/"))
            source = next(file for file in (module.with_suffix(".py"), module / "__main__.py") if file.exists())
            assert all(word in source.read_text() for word in words[3:] if word.startswith("--")), told
        elif words[0] == "python" and words[1].endswith(".py"):
            assert Path(words[1]).exists(), told
        else:
            continue
        seen += 1
    assert seen > 40


def test_every_key_of_ours_in_the_pages_is_one() -> None:
    seen = 0
    for page in PAGES:
        for key, value in re.findall(r"\balgorithm\.awpo\.([a-z_.]+)=([\w./:-]+)", page.read_text()):
            tree: dict[str, object] = {}
            inner = tree
            *sections, last = key.split(".")
            for section in sections:
                inner = inner.setdefault(section, {})  # type: ignore[assignment]
            inner[last] = value
            if key.startswith("judge."):
                tree |= {"reasoning_source": "judge"}
                inner.setdefault("model", "m")
            if key == "gate.value":
                inner["kind"] = "fixed"
            parse(tree)
            seen += 1
    assert seen > 15


def test_the_reference_is_made_from_the_dataclasses() -> None:
    made = "python -m awpo_verl.config.reference > docs/configuration.md"
    assert Path("docs/configuration.md").read_text() == reference(), f"run: {made}"


def modules() -> list[Path]:
    named = [Path("awpo_verl", name) for name in TOLD]
    return [path for module in named for path in (sorted(module.rglob("*.py")) if module.is_dir() else [module])]


def told() -> Iterator[tuple[str, list[str]]]:
    """(place, the constant pieces) of every error message of the modules in TOLD."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            call = node.exc if isinstance(node, ast.Raise) else node
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            raised = isinstance(node, ast.Raise) and call.func.id != "RequestError"  # a status of the judge's
            if raised or call.func.id in ("error", "warning"):
                yield f"{path}:{node.lineno}", [piece for argument in call.args[-1:] for piece in constants(argument)]


def constants(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [value.value for value in node.values if isinstance(value, ast.Constant)]
    return []


def test_every_error_message_has_its_entry_in_troubleshooting() -> None:
    page = Path("docs/troubleshooting.md").read_text()
    quoted = [piece for piece in re.findall(r"`([^`]+)`", page) if len(piece) > 5]
    # shorter ones pass on another's words, which has its entry
    messages = {place: " ".join(pieces) for place, pieces in told() if len("".join(pieces)) > 32}
    assert len(messages) > 90
    missing = {place: message for place, message in messages.items() if not any(piece in message for piece in quoted)}
    assert missing == {}
    source = "\n".join(
        piece for path in modules() for node in ast.walk(ast.parse(path.read_text())) for piece in constants(node)
    )
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    assert [piece for row in rows for piece in re.findall(r"`([^`]+)`", row) if piece not in source] == []
