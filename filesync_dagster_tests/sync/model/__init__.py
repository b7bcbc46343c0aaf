"""Whatever people do, whatever goes wrong: the inventory is what the provider has. State machines against a model."""
