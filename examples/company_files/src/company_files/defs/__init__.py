"""Everything in here is found by itself."""
