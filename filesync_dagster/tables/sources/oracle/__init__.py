"""Oracle Database as a source, by python-oracledb. Contract-tested, not server-tested.

`config` is the form; `columns` says how each type is selected and stored; `catalog` finds tables and keys; `source`
puts them together.
"""
