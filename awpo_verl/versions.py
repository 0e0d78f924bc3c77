"""The versions that awpo_verl is written and tested for. setup.py reads this file, so it imports nothing."""

__version__ = "0.1.0"

# verl's internals move between releases; each seam in awpo_verl/integration names what it relies on.
SUPPORTED_VERL = "==0.9.1"
