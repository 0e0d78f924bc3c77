"""Tasks: the small one of the demo, from its questions to its report."""
