"""Tests of filesync_dagster.storage.database: all of them on SQLite and on PostgreSQL."""
