"""Where candidates are scored: the seam between the driver and whatever trains for it."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nas.data.dataset import fingerprint
from nas.data.loading import load_test
from nas.detectors.rows import Detector
from nas.errors import InputError
from nas.proxies.base import Outcome, Proxy
from nas.proxies.registry import PROXIES

EXECUTORS: dict[str, str] = {
    "": "nas.execution.local_workers:Workers",
    "tcp": "nas.execution.dask_workers:Cluster",
    "tls": "nas.execution.dask_workers:Cluster",
}
"""By the scheme of the address behind ``--workers``, none for this machine, the import string of an `Executor`."""


class Executor(Protocol):
    """Scores candidates somewhere, ``count`` of them at once.

    It is made with ``make`` (a picklable function that makes the run's proxy), ``count``, the number of torch
    ``threads`` of each training and the ``limit`` in seconds of one; one of another machine also with ``address`` and
    `nas.execution.cluster.link.Link`. The driver, which alone touches the study, calls it from one thread. An executor never loses a
    job in silence: what becomes of it, its future says. A worker that dies or vanishes is the executor's to mend, with
    a cap.

    Another engine is one file with such a class, that runs `nas.execution.job.run` on its machines, and a line in EXECUTORS;
    tests/execution/test_executors.py is its conformance suite.
    """

    count: int

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """Have this scored (`nas.proxies.at` a rung and scale) with a seed, in a process that can be killed.

        The future raises what scoring it raised; KilledError for a candidate that was killed, by its time limit or
        with its process; InputError where the run's proxy cannot be made; ExecutorError where nothing can be scored.
        """

    def pause(self) -> None:
        """End what is being scored, whatever it does; the next `score` starts anew."""


def executor(address: str) -> type[Any]:
    """The class that scores at an address, "" for this machine; raises InputError for a scheme that nobody knows."""
    scheme, found, _ = address.partition("://")
    scheme = scheme if found else ""
    if scheme not in EXECUTORS or (address and not scheme):
        known = ", ".join(f"{name}://HOST:PORT" for name in EXECUTORS if name)
        raise InputError(f"--workers {address}: give 1 or more, 0 for one a core, or where a cluster is: {known}")
    module, _, name = EXECUTORS[scheme].partition(":")
    kind: type[Any] = getattr(importlib.import_module(module), name)
    return kind


def read_workers(text: str) -> tuple[int, str]:
    """``--workers``: N, ADDRESS or N@ADDRESS. How many at once, 0 for as many as there are, and where, "" for here."""
    match = re.fullmatch(r"(?:(\d+)(?:@|$))?(.*)", text)
    assert match is not None
    number, address = match.groups()
    if address:
        executor(address)
    elif number is None:
        raise InputError("--workers is empty: give 1 or more, 0 for one a core, or tcp://SCHEDULER:8786")
    return int(number or 0), address


@dataclass(frozen=True)
class ByPath:
    """Makes a run's proxy on another machine, of what lies there at the same path as here: the data set and files of
    weights travel by path and hash, never in a message. What a proxy prepares lies in its folder, which then has to be
    on a disk that the machines share.

    ``data`` and ``test`` are fingerprints of the training and validation images as used, and of the test images where
    these are scored too; ``files`` are sha256 of files among the ``options`` of the proxy.
    """

    proxy: str
    path: str
    data: str
    test: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(scorer: Proxy, options: Mapping[str, Any], tested: bool) -> ByPath:
        """What makes a proxy like this one, which was made with these options; ``tested`` where it will also score on
        the test split (`nas.proxies.at` the last rung)."""
        path, given = scorer.dataset.name, dict(options)
        if path != "shapes":
            path = str(Path(path).resolve())
        files = {}
        for name, value in given.items():
            if isinstance(value, Path):
                given[name] = value.resolve()
            if isinstance(value, Path) and value.is_file():
                files[name] = _hash(value)
        test = _test(scorer, path) if tested else None
        return ByPath(scorer.name, path, scorer.dataset.fingerprint, test, given, files)

    def __call__(self) -> Proxy:
        """Make it. Raises InputError for what is missing here, or is not the same as there."""
        for name, expected in self.files.items():
            file = self.options[name]
            if not file.is_file():
                raise InputError(f"{file}: no such file on this machine; put it there, as where the search runs")
            _compare(file, _hash(file), expected)
        kind, folder = PROXIES[self.proxy], self.options["folder"]
        if kind.prepare is not Proxy.prepare and "weights" not in self.files and not folder.is_dir():
            problem = (
                f"{folder}: not on this machine, and the proxy {self.proxy} keeps there what candidates start from"
            )
            raise InputError(f"{problem}; give an --out on a disk that all machines share, or --weights")
        try:
            scorer = kind(self.path, **self.options)
        except InputError as error:
            raise InputError(f"{error}; the data set must lie at that path on every machine") from None
        _compare(self.path, scorer.dataset.fingerprint, self.data)
        if self.test is not None:
            _compare(f"{self.path}: test split", _test(scorer, self.path), self.test)
        return scorer


def _test(scorer: Proxy, path: str) -> str | None:
    split = load_test(path, scorer.recipe.imgsz)
    return None if split is None else fingerprint(scorer.dataset.nc, split)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _compare(what: str | Path, here: str | None, expected: str) -> None:
    if here != expected:
        mend = "copy the search's over it"
        raise InputError(f"{what}: is not what the search has: its hash is {here} here and {expected} there; {mend}")
