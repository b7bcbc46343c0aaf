"""What every simulator is made of: a tree store, change logs, pages, faults, tokens, HTTP. Knows no vendor."""
