"""Data sources: configured places that have tables. Each kind is a module with a `TableSource` and its configuration.

`registry` says which kinds there are and opens one; `base` is what all of them do: `test`, `discover`, `read`. Below
them: `settings` (forms), `addresses` and `wire` (where a request may connect to), `deadline`, `refusals` (what is told
of failures). May import `reading`, `sync` and `connectors`; SQL drivers are imported when a source is opened.
"""
