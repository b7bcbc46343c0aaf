"""What all stores of Google's ask for access with: a service account's key, and the border to google-auth. A kit."""
