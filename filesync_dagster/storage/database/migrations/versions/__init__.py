"""One module for each revision; frozen once released."""
