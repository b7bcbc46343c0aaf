"""Asset checks: of endpoints, and of what is wrong with endpoints.yaml."""
