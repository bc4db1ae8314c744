"""How a cluster is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nas.errors import InputError


@dataclass(frozen=True)
class Link:
    """How another machine is reached: files of the TLS certificate authority, certificate and key, all or none, and
    where a line for a person goes."""

    tls_ca_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    say: Callable[[str], object] = print

    def __post_init__(self) -> None:
        files = {"--tls-ca-file": self.tls_ca_file, "--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        if missing := [name for name, file in files.items() if file is None]:
            if len(missing) < len(files):
                raise InputError(f"{missing[0]} is missing: TLS takes {', '.join(files)}; give all three, or none")
            return
        for name, file in files.items():
            if file is not None and not file.is_file():
                raise InputError(f"{name} {file}: no such file")
