"""Tables of configured sources, day by day: read, compared with what was there before, kept, decided on.

Runs without Dagster; its assets and the command line call it. May import tables.sources and everything below it.
"""
