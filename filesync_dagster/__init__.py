"""filesync: a provably complete inventory of every file in every store, as Dagster assets."""
