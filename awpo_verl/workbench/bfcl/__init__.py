"""Benchmarks of a trained checkpoint: BFCL through the official bfcl-eval. Start at bfcl.py."""
