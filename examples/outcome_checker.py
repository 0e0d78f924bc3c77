"""An outcome checker of your own: SQL is right if it returns the rows that the reference returns.

Show it: python examples/outcome_checker.py
Train with it: reward.custom_reward_function.path=examples/outcome_checker.py

The policy writes the SQL, so it runs read-only in its own process, with bounded steps, seconds and memory. A bound on
steps is not enough: a short query can take SQLite exponential time before its first step. Each query runs on two
databases, because a constant may be right on one. Continue with examples/reasoning_scorer.py and docs/extending.md.
"""

import json
import resource
import sqlite3
import subprocess
import sys
from collections import Counter

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs):
    """ground_truth: the reference query. extra_info["databases"]: SQL scripts that fill one empty database each."""
    query = solution_str.rpartition("</think>")[2].partition("```sql")[2].partition("```")[0]
    job = json.dumps([list(extra_info["databases"]), ground_truth, query[:10_000]])
    child = [sys.executable, "-I", __file__, "--run"]
    printed = subprocess.run(child, input=job, capture_output=True, text=True, timeout=60).stdout.split()
    if not printed:  # an error in the row
        raise ValueError(f"The reference query fails: {ground_truth!r}. Fix ground_truth or extra_info.databases.")
    return {"outcome": float(printed == ["ready", "same"]), "sql_runs": float(len(printed) == 2)}


def rows(script, query):
    """The number of columns, and at most 1,001 rows in any order. Raises an error if the query is empty."""
    database = sqlite3.connect(":memory:")
    database.executescript(script)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
    database.set_progress_handler(lambda: 1, 1_000_000)  # called after a million steps; 1 stops the query
    found = database.execute(query)
    return len(found.description), Counter(found.fetchmany(1001))


if __name__ == "__main__" and sys.argv[1:] == ["--run"]:
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))  # seconds of CPU time: the same on a busy machine
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))  # bytes
    databases, reference, query = json.load(sys.stdin)
    wanted = [rows(script, reference) for script in databases]
    print("ready", flush=True)  # later errors are the policy's
    print("same" if [rows(script, query) for script in databases] == wanted else "other")
elif __name__ == "__main__":
    info = {"databases": [f"CREATE TABLE t(n); INSERT INTO t VALUES (1), (2), ({n})" for n in (4, 9)]}
    for sql in ("SELECT total(n) FROM t", "SELECT 7", "DROP TABLE t"):
        print(f"{sql:23}", compute_score("sql", f"```sql\n{sql}\n```", "SELECT sum(n) FROM t", info))
