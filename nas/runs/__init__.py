"""Runs: the record of a run (run.json), its trials, study, finalists and files."""
