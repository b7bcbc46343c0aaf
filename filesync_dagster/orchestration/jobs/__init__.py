"""Jobs: the sync of any endpoints, what takes messages of a queue, and the nightly maintenance."""
