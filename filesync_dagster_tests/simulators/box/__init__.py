"""Tests of the simulated Box: against Box's own SDK and Box's own description."""
