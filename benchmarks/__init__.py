"""Benchmarks: each module compares us with a yardstick in the same run, so that the ratios hold on any machine.

A module has `run(...) -> dict` of plain numbers and text, and can be run alone: `python -m benchmarks.diff`.
`python -m benchmarks` runs all of them (or those it is given), each in a process of its own, and writes
benchmarks/results.json and docs/performance.md.
"""
