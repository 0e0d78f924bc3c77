"""The package. Versions come from awpo_verl/versions.py, settings of the tools from pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSIONS = runpy.run_path(str(HERE / "awpo_verl" / "versions.py"))


def requirements(name: str) -> list[str]:
    """The lines of requirements/<name>.txt."""
    lines = (HERE / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


# What a training worker imports: the plugin, which is awpo_verl without awpo_verl.workbench. Packages that these
# bring along are not repeated (tests/test_requirements.py names them).
PLUGIN = [
    f"verl{VERSIONS['SUPPORTED_VERL']}",
    "torch",
    "numpy",
    "omegaconf>=2.3",
    "hydra-core>=1.3",
    "transformers",
    "scipy",
    "jsonschema>=4.18",
    "regex",
    "wrapt>=1.16",
    "packaging",
]
# What the command awpo-verl imports on top: data, scores, reports, checks, BFCL. awpo_verl/workbench/command.py has
# the same list by import name.
WORKBENCH = ["typer", "rich", "datasets", "httpx", "jinja2", "markupsafe", "matplotlib", "orjson", "pyarrow", "pyyaml"]
# An LLM as the scorer of the thinking: algorithm.awpo.reasoning_source=judge, and awpo-verl judge.
JUDGE = ["openai>=1.40"]

# Two sets of packages cannot be extras. The CPU's must be installed without their dependencies (requirements/cpu.txt).
# bfcl-eval's clash with verl's (requirements/bfcl.txt).
setup(
    name="awpo_verl",
    version=VERSIONS["__version__"],
    description="AWPO (advantage-weighted policy optimization) for tool-calling LLMs, as a plugin for verl",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["awpo_verl", "awpo_verl.*"]),
    package_data={
        "awpo_verl": ["py.typed"],
        "awpo_verl.workbench.report": ["templates/*"],
        "awpo_verl.rewards.reasoning.judge": ["prompts/*.yaml"],
    },
    install_requires=PLUGIN,
    extras_require={
        "workbench": WORKBENCH,
        "judge": JUDGE,
        **{name: requirements(name) for name in ("gpu", "dev", "docs")},
    },
    entry_points={
        "verl.plugins": ["awpo = awpo_verl.plugin:register"],
        "console_scripts": ["awpo-verl = awpo_verl.workbench.command:main"],
    },
)
