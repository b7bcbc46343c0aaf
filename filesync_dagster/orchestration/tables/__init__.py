"""Tables in Dagster: sources and their tables as assets, what is checked of them, when they are read."""
