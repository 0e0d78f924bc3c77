"""Before a run: verl's config as it will be, what it needs, and what is missing.

`awpo-verl train` and the recipes use it.

Start at checks.py. Nothing here changes a run: verl composes and validates the same overrides again.
"""
