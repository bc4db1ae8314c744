"""The clock that runs on the CPU are timed by."""

from __future__ import annotations

import time
from collections.abc import Callable


def clock(threads: int) -> Callable[[], float]:
    """Seconds that one thread has computed, where only one does and the system counts finely; else seconds passed.

    One thread computes from the first to the last moment of a run, so both agree on an idle machine. On a busy one the
    first leaves out the moments in which another process had the core: a whole detector never gets through without
    some, and took twice its time here with one busy process per core, while a short row slips between them.
    """
    fine = time.get_clock_info("thread_time").resolution <= 1e-6
    return time.thread_time if threads == 1 and fine else time.perf_counter
