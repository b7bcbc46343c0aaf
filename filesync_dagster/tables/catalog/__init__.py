"""What an installation has of tables: its data sources, reads of them, and the tables that were read.

`directory` has the sources of endpoints.yaml and those that were saved, `secret_values` their secrets, `read` reads one
into the store, `worker` is the process that does so for a server, `dispatch` starts, watches and ends it, and
`upload_tables` has the tables of files that were sent. May import all of `tables` but `sessions`, and what is below.
"""
