"""Assets: an inventory for each endpoint, its store beside it, and the reports about all of them."""
