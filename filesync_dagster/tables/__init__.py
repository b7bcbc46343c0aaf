"""Tables: files and databases become tables, tables become synthetic data, both are exported.

`model` is what all of it speaks; a `Table` is Parquet parts and a schema. `sources` find and read, `reading` makes
tables of files, `store` keeps them, `profile` and `keys` say what is in them, `synthetic` makes believable ones of
them, `exports` writes them as others want them; `sessions` is the way of one generation. May import `sync` and what
is below it; knows neither Dagster nor HTTP frameworks.
"""
