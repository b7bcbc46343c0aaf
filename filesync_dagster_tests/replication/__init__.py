"""Tests of `filesync_dagster.replication`."""
