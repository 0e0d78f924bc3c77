"""`awpo-verl report`: one HTML page, and PNGs, from what verl has logged of one or several runs.

runs.py reads (metrics.py and the three forms of a log; dumps.py for rollouts), findings.py judges by the documented
ranges (ranges.py), figures.py draws what charts.py names, page.py puts it together.
"""
