"""Sessions: one generation each, from the request to files that somebody downloads.

`request` is what may be asked for, `run` the way of a generation on one page, `worker` the process that goes it,
`dispatch` what starts, watches and ends workers for a server. May import all of `tables`, `sync` and what is below.
"""
