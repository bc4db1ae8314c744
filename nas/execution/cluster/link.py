"""Link: settings of a connection to another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nas.errors import ConfigError


@dataclass(frozen=True)
class Link:
    """Settings of a connection to another machine. TLS needs all three files.

    Attributes:
        tls_ca_file: Certificate authority, PEM.
        tls_cert: Certificate that it signed, PEM.
        tls_key: Key of that certificate, PEM.
        say: Receives messages for people.

    Raises:
        ConfigError: A file is missing.
    """

    tls_ca_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    say: Callable[[str], object] = print

    def __post_init__(self) -> None:
        files = {"tls_ca_file": self.tls_ca_file, "tls_cert": self.tls_cert, "tls_key": self.tls_key}
        missing = [name for name, file in files.items() if file is None]
        if missing and len(missing) < len(files):
            needed = ", ".join(f"`{name}`" for name in files)
            raise ConfigError(f"is missing; TLS needs {needed}", field=missing[0], hint="give all three or none")
        for name, file in files.items():
            if file is not None and not file.is_file():
                raise ConfigError("no such file", field=name, value=file)
