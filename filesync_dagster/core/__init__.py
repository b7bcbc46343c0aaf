"""What everything else is said in: the model, the error tree, logging, secrets, filters, the guard. Imports nothing of ours."""
