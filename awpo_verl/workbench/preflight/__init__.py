"""Checks before a run: compose verl's config, and find what it needs and what is missing. Start at checks.py.

`awpo-verl train` and the recipes use them. They do not change a run: verl composes and validates the same keys again.
"""
