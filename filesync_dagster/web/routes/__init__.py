"""The routes, by what they are about. A new one is a function here, with the models of what it takes and answers."""
