"""Where the project lies, and the real data beside it that some tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLRL = ROOT.parent / "shared" / "data" / "toolrl"  # tests that need it skip, and say so, where it is not there
