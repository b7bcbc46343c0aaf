"""What talks to AWS, or as AWS does, has in common: where credentials come from, and the border to botocore. A kit."""
