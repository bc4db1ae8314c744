"""Loggers: experiment trackers that receive the trials and the front of a search."""
