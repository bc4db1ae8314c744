"""The engine: a study driver that asks, gates, trains and tells, and the run directory that it leaves."""

from nas.engine._away import bundle_finalists, take_home
from nas.engine._cache import ScoreCache, cached
from nas.engine._costs import COSTS, LATENCY, readable
from nas.engine._device import FarDevice
from nas.engine._driver import Driver
from nas.engine._executors import EXECUTORS, ByPath, Executor, executor, read_workers
from nas.engine._finalists import Finalist, front_of, measure, pareto_frame, unmeasured, write_front
from nas.engine._job import Job, run
from nas.engine._limits import Limits
from nas.engine._pareto import Point, hypervolume, pareto
from nas.engine._reach import Reach, reach
from nas.engine._record import Record, Result, records, results, table
from nas.engine._rows import part_names, write_rows
from nas.engine._run import Run, held_workers, open_run, open_server
from nas.engine._rungs import Standing, climb, noise, promote
from nas.engine._samplers import SAMPLERS, Sampler
from nas.engine._score import ExecutorError, SearchError
from nas.engine._signal import CHANCE, Signal, chosen, measure_signal, pooled
from nas.engine._stop import stoppable
from nas.engine._storage import ServerStorage, StorageLostError, shown
from nas.engine._study import open_study
from nas.engine._target import Target
from nas.engine._watcher import Watcher
from nas.engine._workers import KilledError, Workers

__all__ = [
    "CHANCE",
    "COSTS",
    "EXECUTORS",
    "LATENCY",
    "SAMPLERS",
    "ByPath",
    "Driver",
    "Executor",
    "ExecutorError",
    "FarDevice",
    "Finalist",
    "Job",
    "KilledError",
    "Limits",
    "Point",
    "Reach",
    "Record",
    "Result",
    "Run",
    "Sampler",
    "ScoreCache",
    "SearchError",
    "ServerStorage",
    "Signal",
    "Standing",
    "StorageLostError",
    "Target",
    "Watcher",
    "Workers",
    "bundle_finalists",
    "cached",
    "chosen",
    "climb",
    "executor",
    "front_of",
    "held_workers",
    "hypervolume",
    "measure",
    "measure_signal",
    "noise",
    "open_run",
    "open_server",
    "open_study",
    "pareto",
    "pareto_frame",
    "part_names",
    "pooled",
    "promote",
    "reach",
    "read_workers",
    "readable",
    "records",
    "results",
    "run",
    "shown",
    "stoppable",
    "table",
    "take_home",
    "unmeasured",
    "write_front",
    "write_rows",
]
