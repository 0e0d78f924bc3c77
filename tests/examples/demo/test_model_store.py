"""Warm-started models: what is shipped is what the code makes, and anything else is trained and kept in a cache."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from examples.demo import build_models, desk_warm_start, model_store, shop_warm_start, supervised, tiny_model
from examples.demo.build_models import STARTS, build, outside_of
from examples.demo.model_store import Made, Recipe, read_recipe
from examples.demo.success import success_by_level

SETTINGS = shop_warm_start.Settings(
    model=tiny_model.ModelSettings(hidden_size=32, intermediate_size=32, layers=1, heads=1, kv_heads=1, head_dim=32),
    batch=4,
    skill=supervised.Phase(steps=3, lr=1e-3, muon=True, pool=2),
    habit=supervised.Phase(steps=2, lr=1e-3),
)
SMALL = {
    "shop": SETTINGS,
    "desk": desk_warm_start.Settings(SETTINGS.model, batch=2, skill=SETTINGS.skill, habit=SETTINGS.habit),
}
WARM_START = {"shop": shop_warm_start.warm_start, "desk": desk_warm_start.warm_start}
REBUILD = (
    "The shipped model is not the one that this code makes. Run `make warm-start` and commit examples/demo/models."
)


def silent(_: str) -> None: ...


@pytest.mark.parametrize("task", STARTS)
def test_the_shipped_model_has_the_recipe_of_the_code(task: str) -> None:
    start = STARTS[task]
    folder = model_store.SHIPPED / task
    assert read_recipe(folder) == start.make_recipe(start.settings, 0), REBUILD
    assert json.loads((folder / model_store.RECIPE).read_text())["weights"] == model_store.hash_weights(folder), REBUILD


@pytest.mark.parametrize("task", STARTS)
def test_the_shipped_model_has_its_stated_success_before_training(task: str) -> None:
    """The samples are seeded, so the measured success is the same each time, except for rounding of other CPUs."""
    measured = json.loads((model_store.SHIPPED / task / model_store.RECIPE).read_text())
    assert measured["prompts"] == build_models.PROMPTS
    assert outside_of(measured["success"], STARTS[task].success) == {}, REBUILD
    assert outside_of(success_by_level(task, model_store.SHIPPED / task, 96), STARTS[task].success) == {}


def test_the_shipped_models_are_small() -> None:
    assert sum(file.stat().st_size for file in model_store.SHIPPED.rglob("*") if file.is_file()) < 8e6


@pytest.mark.parametrize("task", STARTS)
def test_the_shipped_model_is_used_without_training(task: str, tmp_path: Path) -> None:
    told: list[str] = []
    assert WARM_START[task](tmp_path, progress=told.append) == model_store.SHIPPED / task
    assert told == [f"warm start: examples/demo/models/{task} is shipped with the project"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", STARTS)
def test_a_model_that_is_not_shipped_is_trained_once_and_found_in_the_cache(task: str, tmp_path: Path) -> None:
    first = WARM_START[task](tmp_path, seed=0, progress=silent, settings=SMALL[task])
    told: list[str] = []
    assert WARM_START[task](tmp_path, seed=0, progress=told.append, settings=SMALL[task]) == first
    assert told == [f"warm start: found in {first}"]
    assert [path.name for path in tmp_path.iterdir()] == [first.name]  # nothing unfinished is left
    assert read_recipe(first) == STARTS[task].make_recipe(SMALL[task], 0)


def test_another_seed_and_other_settings_are_other_models() -> None:
    recipes = [
        *(shop_warm_start.make_recipe(SETTINGS, seed) for seed in (0, 1)),
        shop_warm_start.make_recipe(replace(SETTINGS, batch=5), 0),
        shop_warm_start.make_recipe(shop_warm_start.Settings(), 0),
    ]
    assert len({recipe.name for recipe in recipes}) == 4
    assert recipes[0].name == shop_warm_start.make_recipe(SETTINGS, 0).name


def test_a_warm_start_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop_warm_start.warm_start(tmp_path, progress=stop, settings=SETTINGS)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def made() -> Made:
    return shop_warm_start.train(SETTINGS, 0, silent)


def test_a_folder_that_is_cut_off_while_it_is_written_is_not_there(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_model, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        model_store.write_model(tmp_path / "model", Recipe("shop", 0, {}, ""), made)
    assert not list(tmp_path.iterdir())


CODE = '''
"""A module."""
import torch

def double(x):
    """Doubles."""
    return 2 * x  # as it says
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("Doubles.", "Two times x.", True),
        ("# as it says", "# a comment", True),
        ("import torch", "from torch import nn", True),
        ("2 * x", "(2 *\n        x)", True),
        ("2 * x", "3 * x", False),
        ("double", "twice", False),
    ],
)
def test_the_fingerprint_is_of_code_without_comments_docstrings_and_imports(
    tmp_path: Path, old: str, new: str, same: bool
) -> None:
    prints = []
    for name, source in {"one": CODE, "two": CODE.replace(old, new)}.items():
        file = tmp_path / f"{name}.py"
        file.write_text(source)
        module = type(random)(name)
        module.__file__ = str(file)
        prints.append(model_store.code_fingerprint([module]))
    assert (prints[0] == prints[1]) == same


def test_a_model_outside_of_its_interval_does_not_replace_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(model_store, "SHIPPED", tmp_path)
    monkeypatch.setattr(build_models, "PROMPTS", 4)
    monkeypatch.setitem(STARTS, "shop", replace(STARTS["shop"], settings=SETTINGS))
    assert build("shop", 0) == 1
    assert "success is outside of its interval: {'easy': (0.0, (0.9, 1.0))" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(STARTS, "shop", replace(STARTS["shop"], success={"easy": (0.0, 1.0)}))
    assert build("shop", 0) == 0
    assert read_recipe(tmp_path / "shop") == shop_warm_start.make_recipe(SETTINGS, 0)


def test_a_fresh_warm_start_has_the_success_of_the_shipped_one(tmp_path: Path) -> None:
    """Trains the desk's model, which takes about a minute; the shop's takes four, and `make warm-start` checks it.

    It is seeded, so it differs from the shipped model only by the rounding of another CPU. The intervals are wide
    enough for other seeds too (examples/demo/build_models.py).
    """
    start = STARTS["desk"]
    model_store.write_model(
        tmp_path / "desk", start.make_recipe(start.settings, 0), start.train(start.settings, 0, silent)
    )
    assert outside_of(success_by_level("desk", tmp_path / "desk", 192), start.success) == {}
