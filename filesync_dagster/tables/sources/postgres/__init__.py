"""PostgreSQL as a source: all tables of one opened source are read at one moment, as Arrow, by COPY.

`config` is the form; `connection` connects to a checked address and translates refusals; `catalog` finds tables, keys
and relations; `columns` says how each type is selected and stored; `source` puts them together.
"""
