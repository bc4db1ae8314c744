"""Proxy factory: creates a run's proxy on another machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.data.data_yaml import DataYaml
from nas.data.dataset import fingerprint
from nas.data.loading import load_test
from nas.errors import ConfigError, DataError, InputError, TransferError
from nas.proxies.base import Proxy
from nas.proxies.registry import proxy_class


@dataclass(frozen=True)
class ProxyFactory:
    """Creates a run's proxy on any machine that has the same images at the same paths.

    The data set and files of weights are sent as paths and hashes, never as content. A proxy that prepares something
    keeps it in its folder; the folder must then be on a disk that all machines share.

    Attributes:
        proxy: Name of the proxy.
        path: Path of the data set, or ``shapes``, for messages.
        origin: The data.yaml with its paths resolved, or ``shapes``.
        data: Fingerprint of the training and validation images.
        test: Fingerprint of the test images; None if they are not used or absent.
        options: Arguments of the proxy.
        files: Hashes of the files among ``options``.
    """

    proxy: str
    path: str
    origin: str | DataYaml
    data: str
    test: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def from_proxy(proxy: Proxy, options: Mapping[str, Any], with_test_split: bool) -> ProxyFactory:
        """A factory of proxies that equal an existing one.

        Args:
            proxy: The proxy.
            options: The arguments that created it.
            with_test_split: True if the last rung is used, which scores on the test split too.
        """
        origin, absolute = proxy.dataset.origin, dict(options)
        files = {}
        for name, value in options.items():
            if isinstance(value, Path):
                absolute[name] = value.resolve()
                if value.is_file():
                    files[name] = _file_hash(value)
        test = _test_fingerprint(proxy) if with_test_split else None
        data = proxy.dataset
        return ProxyFactory(proxy.name, data.name, origin, data.fingerprint, test, absolute, files)

    def __call__(self) -> Proxy:
        """Create the proxy.

        Raises:
            InputError: A file is missing on this machine, or differs from that of the search.
        """
        for name, expected in self.files.items():
            file = self.options[name]
            if not file.is_file():
                hint = "copy it from the machine of the search"
                raise TransferError("no such file on this machine", file=file, hint=hint)
            _check_same(file, _file_hash(file), expected)
        kind = proxy_class(self.proxy)
        self._check_folder(kind)
        try:
            proxy = kind(self.origin, **self.options)
        except InputError as error:
            hint = "the images must be at these paths on every machine"
            raise DataError(str(error), hint=hint) from None
        _check_same(self.path, proxy.dataset.fingerprint, self.data)
        if self.test is not None:
            _check_same(f"{self.path} (test split)", _test_fingerprint(proxy), self.test)
        return proxy

    def _check_folder(self, kind: type[Proxy]) -> None:
        folder = self.options["folder"]
        if kind.prepare is not Proxy.prepare and "weights" not in self.files and not folder.is_dir():
            problem = f"this machine has no such folder, and the proxy {self.proxy} keeps there what candidates share"
            hint = "give an `out` on a disk that all machines share, or `weights`"
            raise ConfigError(problem, file=folder, hint=hint)


def _test_fingerprint(proxy: Proxy) -> str | None:
    split = load_test(proxy.dataset.origin, proxy.recipe.imgsz)
    return None if split is None else fingerprint(proxy.dataset.nc, split)


def _file_hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _check_same(file: str | Path, here: str | None, expected: str) -> None:
    if here != expected:
        problem = f"differs from that of the search: its hash is {here} here, but {expected} there"
        raise DataError(problem, file=file, hint="copy it from the machine of the search")
