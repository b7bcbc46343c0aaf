"""Tests of filesync_dagster.metadata: all of them on SQLite and on PostgreSQL."""
