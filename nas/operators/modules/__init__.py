"""Operators as torch modules: one file for each declaration in `nas.operators`, imported when a row is first built."""
