"""AWPO with each mechanism off, beside its baselines, over seeds: a grid of runs through verl, and one table.

Start at grid.py; recipes/ablate.sh runs it.
"""
