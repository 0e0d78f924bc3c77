"""The versions awpo_verl is written and tested for. setup.py runs this file, so it imports os alone."""

import os

__version__ = "0.1.0"

# verl's internals move between releases; each seam in awpo_verl/integration names what it relies on.
SUPPORTED_VERL = "==0.9.1"
ALLOW_UNTESTED = "AWPO_ALLOW_UNTESTED_VERL"


def is_supported(version: str) -> bool:
    """Whether AWPO is tested with this version of verl."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(SUPPORTED_VERL).contains(version, prereleases=True)


def version_problem(version: str) -> str | None:
    """What to tell the user about this version of verl. None if it is supported or the check is switched off."""
    if os.environ.get(ALLOW_UNTESTED) == "1" or is_supported(version):
        return None
    return (
        f"verl {version} is not supported by awpo_verl {__version__}, which knows the insides of verl "
        f"{SUPPORTED_VERL}. AWPO is not registered: algorithm.adv_estimator=awpo will be refused, everything else "
        f'runs as without the plugin. Install a supported one (pip install "verl{SUPPORTED_VERL}") or try this one '
        f"at your own risk with {ALLOW_UNTESTED}=1."
    )
