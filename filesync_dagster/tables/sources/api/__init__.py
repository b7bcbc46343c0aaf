"""A REST API as a source: each of its endpoints is a table, whose rows come in pages.

`config` is the form; `pages` follows pages of four kinds to their end, or finds that they have none; `rows` takes rows
out of answers without changing a digit; `source` puts them together.
"""
