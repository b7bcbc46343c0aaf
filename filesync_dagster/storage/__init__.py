"""What is kept: the metadata database, and snapshots and changes as files."""
