"""Replication: what changed in an endpoint, planned as operations on a destination and done. Begin with `run`.

`plan` is pure: what is desired against what is known to be there, never a replay of events. `apply` does what a plan
says, one operation at a time a file, many at once.
"""
