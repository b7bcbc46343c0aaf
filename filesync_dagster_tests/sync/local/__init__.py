"""Syncs of local folders: what mounts and links hide, and names that share a file."""
