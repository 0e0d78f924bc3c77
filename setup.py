"""The package. Versions come from awpo_verl/versions.py; everything tools need is in pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSIONS = runpy.run_path(str(HERE / "awpo_verl" / "versions.py"))


def requirements(name: str) -> list[str]:
    """The lines of requirements/<name>.txt."""
    lines = (HERE / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


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
    install_requires=[
        f"verl{VERSIONS['SUPPORTED_VERL']}",
        "torch",
        "datasets",
        "httpx",
        "hydra-core>=1.3",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "numpy",
        "omegaconf>=2.3",
        "openai>=1.40",
        "orjson",
        "packaging",
        "jsonschema>=4.18",
        "psutil",
        "pyarrow",
        "pyyaml",
        "regex",
        "rich",
        "scipy",
        "transformers",
        "typer",
        "wrapt>=1.16",
    ],
    # The CPU's packages and bfcl-eval's cannot be extras: the first must be installed without their dependencies, the
    # second clashes with verl's (requirements/cpu.txt, requirements/bfcl.txt).
    extras_require={name: requirements(name) for name in ("gpu", "dev", "docs")},
    entry_points={
        "verl.plugins": ["awpo = awpo_verl.plugin:register"],
        "console_scripts": ["awpo-verl = awpo_verl.workbench.cli:app"],
    },
)
