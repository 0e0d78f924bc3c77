"""Tasks: the demos' (shop, desk), from their questions to their report; public sets and BFCL as verl's parquet."""
