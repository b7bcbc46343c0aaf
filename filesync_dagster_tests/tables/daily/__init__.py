"""Tests of sources that are read day by day."""
