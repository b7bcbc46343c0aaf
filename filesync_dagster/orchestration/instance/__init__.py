"""Every private API of Dagster that is used: the run launcher, storage, heartbeats, what its storage keeps."""
