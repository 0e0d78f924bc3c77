"""Reading rows of JSON and rollouts from files, and writing results safely."""
