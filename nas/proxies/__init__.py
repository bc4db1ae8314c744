"""Accuracy proxies: quick scores of a candidate."""
