"""The examples run as a reader runs them, and the numbers that they print are the ones that they claim."""

from __future__ import annotations

import ast
import math
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
from matplotlib.testing.compare import compare_images

from tests.examples.example_runs import EXAMPLES, floats, run

EXTENSIONS = ("outcome_checker", "reasoning_scorer", "gate_kind", "environment", "reward_function")


# ------------------------------------------------------------------------------------------------ all of them


def lines_of_code(path: Path) -> int:
    """Lines with code on them, without docstrings, comments, and the demonstration under __main__."""
    text = re.split(r'^(?:el)?if __name__ == "__main__":$', path.read_text(), flags=re.MULTILINE)[0]
    prose = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [t for t in tokenize.generate_tokens(iter(text.splitlines(True)).__next__) if t.type not in layout]
    return len({line for t in tokens for line in range(t.start[0], t.end[0] + 1)} - prose)


def test_lines_of_code_are_counted_as_said(tmp_path: Path) -> None:
    path = tmp_path / "three.py"
    path.write_text('"""One\ntwo."""\n\n# a comment\nx = [\n    1,\n]\n\nif __name__ == "__main__":\n    print(x)\n')
    assert lines_of_code(path) == 3


@pytest.mark.parametrize("name", EXTENSIONS)
def test_an_extension_takes_under_30_lines_of_code(name: str) -> None:
    assert 3 < lines_of_code(EXAMPLES / f"{name}.py") < 30


def test_the_judge_prompt_takes_under_30_lines() -> None:
    assert len((EXAMPLES / "judge_prompt.yaml").read_text().splitlines()) < 30


def test_every_example_says_how_it_is_run_and_what_to_read_next() -> None:
    examples = sorted(EXAMPLES.glob("*.py"))
    assert len(examples) == 9
    for path in examples:
        says = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert path.stem == "compared" or f"python examples/{path.name}" in says, path
        read = re.findall(r"[\w/]+\.(?:md|py)", says)
        assert all(Path(word).exists() for word in read), path
        assert {word for word in read if word != f"examples/{path.name}"}, path


@pytest.mark.parametrize("name", EXTENSIONS)
def test_every_extension_is_in_the_page_or_named_there(name: str) -> None:
    assert f"examples/{name}.py" in Path("docs/extending.md").read_text()


# ------------------------------------------------------------------------------------------------- the method


def test_one_batch_computes_by_hand_what_the_package_does(tmp_path: Path) -> None:
    picture = tmp_path / "walkthrough.png"
    lines = run("one_batch.py", str(picture))

    def figures(prompt: str, what: str) -> list[float]:
        (line,) = [line for line in lines if line.strip().startswith(prompt) and what in line]
        return floats(line)

    # o 1 0 0 0: std_o 0.5. m 1.9 0.8 0.2 0.1, mean 0.75: std_m = sqrt((1.15^2 + 0.05^2 + 0.55^2 + 0.65^2) / 3) = 0.827
    assert figures("one succeeds", "std_m")[-2:] == [0.5, 0.827]
    assert figures("one succeeds", "gate") == [0.623]  # 0.827 / (0.5 + 0.827)
    assert figures("one succeeds", "weight") == [0.25, 1.15]  # 0.1 + 1.4 * 4 * 0.25 * 0.75
    # A_out = 0.75 / 0.5 = 1.5, A_mix = 1.15 / 0.827 = 1.39: 1.15 * (0.377 * 1.5 + 0.623 * 1.39) = 1.65
    assert figures("one succeeds", "AWPO")[::4] == [1.5, 1.65]
    assert figures("all fail", "std_m")[3] == 0.53  # the missing score is the mean of 0.9, 0.6 and 0.1
    for dead in ("all fail", "all succeed"):
        assert figures(dead, "gate") == [1.0]
        assert figures(dead, "AWPO")[:4] == [0.0] * 4  # GRPO's
        assert max(map(abs, figures(dead, "AWPO")[4:])) > 0.1
    assert figures("half succeed", "gate")[0] < 0.5  # the scorer contradicts the outcome
    assert figures("the batch", "clip scale") == [0.871, 0.2, 0.174]  # 1 / (1 + 0.2 * mean(1, 0.623, 0.35, 1))
    assert re.search(r"of 16 rollouts differ by at most \de-(09|1\d)$", lines[-2])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
    # python examples/one_batch.py docs/method.png
    assert compare_images("docs/method.png", str(picture), tol=5) is None


def test_one_batch_fails_where_the_package_computes_something_else(tmp_path: Path) -> None:
    source = (EXAMPLES / "one_batch.py").read_text()
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        source.replace("reasoning, scored, prompts, AWPOConfig()", "reasoning, ~scored, prompts, AWPOConfig()")
    )
    assert wrong.read_text() != source
    done = subprocess.run(
        [sys.executable, str(wrong)],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "assert difference < 1e-9" in done.stderr


def test_compared_shows_that_dead_groups_teach_awpo_alone() -> None:
    *groups, scale = run("compared.py")
    of = [floats(line) for line in groups]
    assert [row[:4] for row in (of[0], of[2])] == [[0.0] * 4] * 2
    assert all(max(map(abs, row[4:])) > 0.1 for row in of)
    assert 0.0 < floats(scale)[0] < 1.0


def test_plain_pytorch_awpo_learns_the_hard_prompt_and_grpo_does_not() -> None:
    header, *rows = run("plain_pytorch.py")
    assert header.split() == ["success", "on", "easy", "medium", "hard"]
    success = {row[:23].strip(): floats(row) for row in rows}
    # (e^2 / (e^2 + 4))^4, (e / (e + 4))^4, (e^-1 / (e^-1 + 4))^4: four right choices of five
    start = [(math.exp(logit) / (math.exp(logit) + 4)) ** 4 for logit in (2.0, 1.0, -1.0)]
    assert success["before"] == pytest.approx(start, abs=5e-5)
    assert min(success["AWPO"]) > 0.95
    assert min(success["GRPO"][:2]) > 0.95
    assert success["GRPO"][2] < 0.01
    misled = success["AWPO, misleading scorer"]
    assert misled[0] > 0.95  # the outcome speaks there
    assert max(misled[1:]) < 0.01
    guarded = success["the same, guarded"]
    assert min(guarded[:2]) > 0.95
    assert guarded[2] < 0.01


def test_plain_pytorch_needs_neither_verl_nor_transformers_nor_ray() -> None:
    source = (
        (EXAMPLES / "plain_pytorch.py")
        .read_text()
        .replace("STEPS, UPDATES = 5, 4, 8, 200, 2", "STEPS, UPDATES = 5, 4, 8, 1, 1")
    )
    asked = "import sys; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{source}\n{asked}"],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert {"torch", "awpo_verl"} <= loaded
    assert loaded & {"verl", "transformers", "ray", "vllm", "datasets", "omegaconf"} == set()


def test_gate_kind_is_zero_where_the_reasoning_adds_nothing() -> None:
    _, *rows = run("gate_kind.py")
    gates = {row[:22].strip(): floats(row) for row in rows}
    assert gates["all fail"] == [1.0, 1.0]
    assert gates["constant"] == [0.5, 0.0]  # std_m = std_o
    # o 1 1 0 0: std_o 0.577; q 0.9 0.7 0.2 0: m 1.9 1.7 0.2 0, std_m = sqrt((0.95^2 + 0.75^2) * 2 / 3) = 0.988
    assert gates["agree"] == [0.631, 0.416]  # 0.988 / 1.565, 1 - 0.577 / 0.988
    assert gates["disagree"][0] < 0.5
    assert gates["disagree"][1] == 0.0
    assert gates["clip scale"][0] < gates["clip scale"][1] < 1.0
