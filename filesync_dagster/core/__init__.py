"""What everything else is said in: model, error tree, logging, secrets, filters, guard. Imports nothing of ours."""
