"""The error that a person sees."""

from __future__ import annotations


class InputError(Exception):
    """Bad input, told in one clear line that names the file, the field and the mend; a command exits with 2."""
