"""Public sets of tool calls as verl's parquet with our ground truth: `awpo-verl prepare`. Start at pipeline.py.

public_sets.py  the sets by name -> toolace, xlam, toolrl, bfcl_rows, plain_rows: read a row as Samples (sample.py)
pipeline.py     check (fit_to_schema.py), deduplicate (duplicates.py), change (augment.py), write the prompt (prompt.py)
                and the row (verl_rows.py), count (counts.py)
"""
