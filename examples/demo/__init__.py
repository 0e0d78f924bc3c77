"""The demo: two tasks (shop, desk), a tiny model with a warm start for each, and the report of a run."""
