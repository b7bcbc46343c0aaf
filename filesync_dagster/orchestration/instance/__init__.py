"""Every private API of Dagster that is used: run launcher, storage and what it keeps, heartbeats, code servers."""
