"""A trained detector's knowledge in another architecture: its weights, restricted to the other's shapes."""
