"""Compare AWPO with its baselines and with each mechanism off: a grid of verl runs over seeds, and one table.

Start at grid.py; recipes/ablate.sh runs it.
"""
