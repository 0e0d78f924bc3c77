"""An outcome of your own: SQL is right when it returns the rows that the reference does, whatever it looks like.

python examples/outcome_checker.py shows it; reward.custom_reward_function.path=examples/outcome_checker.py uses it.

The policy writes the SQL, so it runs read-only, in a process of its own, with bounded steps, seconds and memory. Steps
(set_progress_handler) do not bound it alone: a short query can take SQLite exponential time before its first step. On
two databases, for on one a constant may be right. Continue with examples/reasoning_scorer.py and docs/extending.md.
"""

import json
import resource
import sqlite3
import subprocess
import sys
from collections import Counter

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def compute_score(data_source, solution_str, ground_truth, extra_info, **kwargs):
    """ground_truth: the reference query. extra_info["databases"]: scripts, each of which fills an empty database."""
    query = solution_str.rpartition("</think>")[2].partition("```sql")[2].partition("```")[0]
    job = json.dumps([list(extra_info["databases"]), ground_truth, query[:10_000]])
    child = [sys.executable, "-I", __file__, "--run"]
    said = subprocess.run(child, input=job, capture_output=True, text=True, timeout=60).stdout.split()
    if not said:  # the row's fault, and not the policy's
        raise ValueError(f"The reference query fails: {ground_truth!r}. Mend ground_truth or extra_info.databases.")
    return {"outcome": float(said == ["ready", "same"]), "sql_runs": float(len(said) == 2)}


def rows(script, query):
    """Number of columns, and the rows in any order; of a reference at most 1,000. Raises where there is no query."""
    database = sqlite3.connect(":memory:")
    database.executescript(script)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
    database.set_progress_handler(lambda: 1, 1_000_000)  # called after so many steps, and 1 stops the query
    found = database.execute(query)
    return len(found.description), Counter(found.fetchmany(1001))


if __name__ == "__main__" and sys.argv[1:] == ["--run"]:
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))  # seconds of the processor: a busy machine changes no outcome
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))  # bytes
    databases, reference, query = json.load(sys.stdin)
    wanted = [rows(script, reference) for script in databases]
    print("ready", flush=True)  # what fails from here on is the policy's
    print("same" if [rows(script, query) for script in databases] == wanted else "other")
elif __name__ == "__main__":
    info = {"databases": [f"CREATE TABLE t(n); INSERT INTO t VALUES (1), (2), ({n})" for n in (4, 9)]}
    for sql in ("SELECT total(n) FROM t", "SELECT 7", "DROP TABLE t"):
        print(f"{sql:23}", compute_score("sql", f"```sql\n{sql}\n```", "SELECT sum(n) FROM t", info))
