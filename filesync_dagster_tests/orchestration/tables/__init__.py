"""Tests of tables in Dagster."""
