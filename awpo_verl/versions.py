"""The version of awpo_verl and of the verl that it is tested with. setup.py runs this file, so it imports only os."""

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
    """Why this version of verl cannot be used; None if it is supported or the check is switched off."""
    if os.environ.get(ALLOW_UNTESTED) == "1" or is_supported(version):
        return None
    return (
        f"verl {version} is not supported by awpo_verl {__version__}, which knows the insides of verl "
        f"{SUPPORTED_VERL}. algorithm.adv_estimator=awpo will be refused; all other runs are as without the plugin. "
        f'Install a supported verl (pip install "verl{SUPPORTED_VERL}"), or try this one at your own risk with '
        f"{ALLOW_UNTESTED}=1."
    )
