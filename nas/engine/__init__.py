"""The engine: a study driver that asks, gates, trains and tells, and the run directory that it leaves."""

from nas.engine._away import bundle_finalists, take_home
from nas.engine._cache import ScoreCache, cache_home, cached
from nas.engine._driver import Driver, SearchError
from nas.engine._finalists import Finalist, candidates, front_of, measure, pareto_frame, unmeasured, write_front
from nas.engine._limits import Limits
from nas.engine._pareto import pareto
from nas.engine._reach import Reach, reach
from nas.engine._record import Record, records, table
from nas.engine._run import Run, open_run
from nas.engine._signal import Signal, chosen, measure_signal
from nas.engine._study import open_study
from nas.engine._workers import KilledError, Workers

__all__ = [
    "Driver",
    "Finalist",
    "KilledError",
    "Limits",
    "Reach",
    "Record",
    "Run",
    "ScoreCache",
    "SearchError",
    "Signal",
    "Workers",
    "bundle_finalists",
    "cache_home",
    "cached",
    "candidates",
    "chosen",
    "front_of",
    "measure",
    "measure_signal",
    "open_run",
    "open_study",
    "pareto",
    "pareto_frame",
    "reach",
    "records",
    "table",
    "take_home",
    "unmeasured",
    "write_front",
]
