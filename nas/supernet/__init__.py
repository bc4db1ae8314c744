"""One set of trained parameters whose restrictions are the members of a search space."""
