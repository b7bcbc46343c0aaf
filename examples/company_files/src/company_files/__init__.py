"""A company's data platform, of which its files are a part."""
