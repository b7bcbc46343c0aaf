"""Sensors: what looks whether there is something to do, and starts runs or sends alerts."""
