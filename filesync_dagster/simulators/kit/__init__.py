"""What every simulator is made of: HTTP without a network, faults, quotas, tokens, controls. Knows no vendor."""
