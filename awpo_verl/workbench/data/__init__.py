"""Public sets of tool calls as verl's parquet with our ground truth: `awpo-verl prepare`. Start at pipeline.py.

sets.py      the sets by name -> toolace, xlam, rlla, bfcl_rows, plain: a row as Samples (sample.py)
pipeline.py  check (fit.py), deduplicate (seen.py), change (changes.py), prompt.py, write (verl_rows.py), report.py
"""
