"""The asset check of endpoints.yaml itself. Those of each endpoint are told with its syncs: `assets/results.py`."""
