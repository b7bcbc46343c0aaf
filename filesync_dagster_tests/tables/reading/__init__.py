"""Tests of reading files as tables."""
