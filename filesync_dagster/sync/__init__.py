"""The engine: what brings an inventory up to date and keeps its past. Begin with `run`.

Runs without Dagster. May import config, connectors, storage and core.
"""
