"""Rows and rollouts in files: JSON, JSONL, parquet, and the dumps of verl."""
