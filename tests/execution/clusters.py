"""Clusters of real processes on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
READ_SECONDS = 10.0
"""Seconds for the last lines of a process that has ended."""


class Process:
    """A command of ours whose lines are read as they come."""

    def __init__(self, *command: str, path: Sequence[Path] = (), **environment: str):
        folders = [str(folder) for folder in (*path, ROOT)]
        old = os.environ.get("PYTHONPATH")
        variables = os.environ | {"PYTHONPATH": os.pathsep.join([*folders, *([old] if old else [])])} | environment
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, *command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def wait(self, seconds: float) -> int:
        """The exit status, once the process has ended and its lines are read."""
        status = self.process.wait(seconds)
        self._reader.join(READ_SECONDS)  # a child that outlives the process keeps the pipe open
        return status

    def wait_for(self, pattern: str, seconds: float = 400) -> re.Match[str]:
        """The first line that matches; a process that does not say it is killed."""
        deadline = time.monotonic() + seconds
        while True:
            if ended := self.process.poll() is not None:
                self._reader.join(READ_SECONDS)
            if found := next((m for line in self.lines if (m := re.search(pattern, line))), None):
                return found
            if ended or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"no {pattern} in {''.join(self.lines)}")
            time.sleep(0.05)

    @property
    def family(self) -> list[psutil.Process]:
        """The process and all that it started."""
        try:
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL, of the process and all that it started."""
        for member in reversed(self.family):
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


def start_scheduler(port: int = 0, **environment: str) -> tuple[Process, str]:
    """A scheduler, and its address."""
    process = Process("-m", "nas.scheduler", "--port", str(port), **environment)
    return process, process.wait_for(r"^scheduler (\S+);")[1]


def start_worker(address: str, *options: str, path: Sequence[Path] = (), **environment: str) -> Process:
    """A worker of it, once it has joined."""
    process = Process("-m", "nas.worker", address, *options, path=path, **environment)
    process.wait_for(": joined")
    return process
