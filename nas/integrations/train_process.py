"""Process of a training that ends together with the process that waits for it: ``-m nas.integrations.train_process``.

Otherwise a training whose program was killed would go on, and the next one would write into the same folder.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

_POLL = 1.0
"""Seconds between two looks at the parent."""


def main() -> None:
    """Run ``nas.train`` with the arguments after the parent's process id."""
    parent, *arguments = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell begins with it ignored
    threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()
    sys.argv = ["nas.train", *arguments]
    runpy.run_module("nas.train", run_name="__main__", alter_sys=True)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
