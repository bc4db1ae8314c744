"""``python killed_run.py POINT COUNT OPTIONS``: a search that SIGKILLs itself at the COUNT-th call of POINT.

POINT is a function's dotted name, with ``:after`` behind it to be killed when it has returned, or ``:full`` to find the
disk full instead; ``-`` is never. The proxy ``stub`` scores at once, or after STUB_SECONDS, by the rows alone.
``python killed_run.py worker OPTIONS`` is `nas.worker` that knows it.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import os
import signal
import sys
import time
from functools import partial
from typing import Any

import nas.proxies.base
import nas.proxies.fidelity
from nas import cli
from nas.data.loading import load, load_test
from nas.detectors.rows import Detector
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.proxies.registry import PROXIES, ProxyInfo


class Stub(Proxy):
    name = "stub"
    recipe = Recipe()

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        time.sleep(float(os.environ.get("STUB_SECONDS", "0")))
        digest = hashlib.sha256(repr((detector, seed, self.recipe.steps)).encode()).digest()
        return Outcome(0.1 + int.from_bytes(digest[:2]) / 2**17, 0.01, (), test_score=0.5 if self.test_split else None)


PROXIES["stub"] = ProxyInfo(f"{__name__}:Stub", "scores by the rows alone")
# Nobody looks at the images, and drawing them all takes seconds.
nas.proxies.base.load = partial(load, max_train=4, max_val=4)
nas.proxies.fidelity.load_test = partial(load_test, most=4)


def arm(point: str, count: int) -> None:
    """Wrap the function so that its COUNT-th call kills this process."""
    name, _, when = point.partition(":")
    path, _, function = name.rpartition(".")
    try:
        owner: Any = importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, kind = path.rpartition(".")
        owner = getattr(importlib.import_module(module), kind)
    real, calls = getattr(owner, function), 0

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and when == "full":
            raise OSError(errno.ENOSPC, "No space left on device", "run/trials.csv")
        if calls == count and not when:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **options)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, function, deadly)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        import nas.worker

        sys.argv[1:] = sys.argv[2:]
        cli.run(nas.worker.app)
    point, count, *options = sys.argv[1:]
    sys.argv[1:] = options
    import nas.search.__main__

    if point != "-":
        arm(point, int(count))
    cli.run(nas.search.__main__.app)
