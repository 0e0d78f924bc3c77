"""`awpo-verl report`: one HTML page with PNGs, or plain text, from what verl has logged of one or several runs.

runs.py       reads runs: metrics.py the three forms of a log, dumps.py the rollouts
alerts.py     finds what is outside of its healthy range: health.py (the table), detectors.py, problems.py (advice)
page.py       writes the page: charts.py (which charts), figures.py (drawing), samples.py (rollouts)
text.py       writes the same alerts and ranges as plain text
"""
