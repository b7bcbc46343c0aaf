"""Tests of the connector `dropbox`, against the simulator."""
