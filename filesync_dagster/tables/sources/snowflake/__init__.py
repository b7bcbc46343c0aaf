"""Snowflake as a source, by its own connector. Tried against fakesnow, never against Snowflake itself.

`config` is the form; `columns` says how each type is selected and stored; `source` puts them together.
"""
