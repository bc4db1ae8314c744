"""Latency: tables of measured rows of one device and runtime, and what they predict."""
