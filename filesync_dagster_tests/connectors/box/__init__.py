"""Tests of the connector of Box, against the simulator."""
