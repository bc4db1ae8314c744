"""Plan of a search: every option resolved and every file read, before anything is trained or written."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nas.config import SearchConfig
from nas.data.skipped import SkippedImage
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, ModelError
from nas.execution.cluster.link import Link
from nas.execution.executors import Executor, executor_class
from nas.execution.local_workers import LocalWorkers
from nas.execution.proxy_factory import ProxyFactory
from nas.execution.remote_device import RemoteDevice
from nas.integrations.loggers.registry import check_logger
from nas.integrations.training import check_ultralytics
from nas.latency.builder import TableBuilder
from nas.latency.devices import is_local
from nas.latency.errors import AbsentDeviceError, RefusedTableError
from nas.latency.hints import command_words, kit_hint
from nas.latency.opening import choose_here, open_builder, open_table
from nas.latency.table import LatencyTable
from nas.objectives.target import Target
from nas.operators.registry import FAMILIES
from nas.progress import Reporter
from nas.proxies.base import Proxy
from nas.proxies.fidelity import with_fidelity
from nas.proxies.pretrained import FineTuning, PretrainedModel, read_pretrained
from nas.proxies.registry import PROXIES, proxy_class
from nas.proxies.rungs import RUNGS
from nas.proxies.train_device import train_device
from nas.runs.directory import check_folder, open_server, resumed_workers
from nas.runs.finishing import check_tools
from nas.runs.storage import ServerStorage
from nas.search.feasibility import check_early
from nas.search.pretrained_space import pretrained_space
from nas.search.sized_proxy import sized_proxy
from nas.spaces.architecture import Architecture
from nas.spaces.models import load_detector, named_size
from nas.spaces.space import Space, load_space
from nas.supernet.supernet_file import FILE as SUPERNET

_NO_TABLE = LatencyTable(Path("none.csv"), {})


@dataclass(frozen=True)
class SearchPlan:
    """A search that can start.

    Attributes:
        config: Options, resolved.
        folder: The run directory.
        server: Storage of the study, where it lies on a server.
        space: The search space.
        proxy: The proxy, with its data set loaded.
        proxy_options: Arguments that the proxy was made with.
        opened: The latency table as it was opened.
        builder: Measures for the table, where the device is this machine and the table fits it.
        remote: The device, where it is a worker of a cluster.
        start: Architectures to train first.
        skipped: Images of the data set that are left out.
    """

    config: SearchConfig
    folder: Path
    server: ServerStorage | None
    space: Space
    proxy: Proxy
    opened: LatencyTable
    builder: TableBuilder | None
    remote: RemoteDevice | None
    start: tuple[Architecture, ...]
    skipped: tuple[SkippedImage, ...] = ()
    proxy_options: dict[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> LatencyTable:
        """The latency table as it is now."""
        return self.opened if self.builder is None else self.builder.table

    def executor(self, say: Any) -> tuple[Executor, int]:
        """Create the executor that trains candidates.

        Args:
            say: Receives messages for people.

        Returns:
            The executor and the number of torch threads of each training.
        """
        config, on_cpu = self.config, self.proxy.device == "cpu"
        count, address = config.worker_count
        limit = config.candidate_limit or None
        if address:
            link = Link(config.tls_ca_file, config.tls_cert, config.tls_key, say)
            factory = ProxyFactory.from_proxy(self.proxy, self.proxy_options, config.rungs == RUNGS)
            label = "train" if on_cpu else "GPU"
            return executor_class(address)(factory, count, 1, limit, address=address, link=link, label=label), 1
        count, threads = self.worker_count()
        here = partial(type(self.proxy), self.proxy.dataset, **self.proxy_options)
        return LocalWorkers(here, count, threads, limit), threads

    def worker_count(self) -> tuple[int, int]:
        """Candidates trained at once, and the torch threads of each; on a cluster at least 1."""
        count, address = self.config.worker_count
        if address:
            return max(1, count), 1
        cores = len(os.sched_getaffinity(0))
        count = count or (min(cores, 4) if self.proxy.device == "cpu" else 1)
        return count, max(1, cores // count)


def plan_search(config: SearchConfig, reporter: Reporter, dry: bool = False) -> SearchPlan:
    """Resolve the options and read what they name. A device that is a worker of a cluster measures its missing rows.

    Args:
        config: Options of the search.
        reporter: Shows messages.
        dry: True to connect to no server and no other device. The table of a worker of a cluster counts as empty then.

    Raises:
        ConfigError: An option cannot be used.
        DataError: The data set cannot be used.
        TableError: The device has no usable latency table.
    """
    for name in config.logger:
        check_logger(name)
    if config.finish is not None:
        check_tools(config.data)
    model = None if config.pretrained is None else _pretrained(config)
    if model is None and config.supernet is None:
        space = load_space(config.space, config.imgsz)
    else:
        space = pretrained_space(config, model)
    _check_only_size(space, config)
    device = train_device(config.train_device, elsewhere=bool(config.worker_count.address))
    folder = config.out or _next_folder(f"{space.name}-{_data_name(config.data)}")
    server = None if dry else open_server(folder, config.storage, config.resume)
    if not (dry and config.storage):
        check_folder(folder, config.resume)
    if is_local(config.device):
        # Refuses before the data set is read.
        choose_here(config.runtime, config.device, config.threads, config.precision)
    options = {"folder": folder / "proxy", "space": space, "device": device, **_proxy_options(config)}
    proxy, options = sized_proxy(config, options, reporter)
    if model is not None:
        _check_classes(model, proxy, config)
    skipped = _skipped(proxy, config)
    start = tuple(_member(space, name, config.imgsz, proxy.dataset.nc) for name in config.start)
    check_early(space, Target(_NO_TABLE, proxy.dataset.nc, config.imgsz), config.limits)
    remote = None if dry else _remote_device(config, reporter)
    if remote is not None:
        for size in config.imgsz:
            reporter.say(f"{config.device}: the worker of that name measures missing rows of the table at {size} px")
            remote.measure_rows(space.rows(proxy.dataset.nc, size), space.calibration(proxy.dataset.nc), size)
    if dry and config.worker_count.address and not is_local(config.device):
        table, builder = LatencyTable(Path(config.device), _named(config), local=False), None
    else:
        table, builder = _open_table(config, space, proxy.dataset.nc)
    check_early(space, Target(table, proxy.dataset.nc, config.imgsz), config.limits)
    resolved = _resolved(config, space, proxy, table, device, start, folder)
    return SearchPlan(resolved, folder, server, space, proxy, table, builder, remote, start, skipped, options)


def _skipped(proxy: Proxy, config: SearchConfig) -> tuple[SkippedImage, ...]:
    """Images of the splits that the search uses, as far as they are left out. An unusable test split is refused."""
    test = with_fidelity(proxy, RUNGS).test_split if config.rungs == RUNGS else None
    skipped = proxy.dataset.skipped + (() if test is None else test.skipped)
    if skipped and config.strict:
        raise skipped[0].error
    return skipped


def _resolved(
    config: SearchConfig,
    space: Space,
    proxy: Proxy,
    table: LatencyTable,
    device: str,
    start: Sequence[Architecture],
    folder: Path,
) -> SearchConfig:
    """Options as they were used: they repeat the run from any folder."""
    count, address = config.worker_count
    count = count or (resumed_workers(folder) if config.resume else 0)
    return config.updated(
        {
            "runtime": str(table.fingerprint["runtime"]),
            "space": str(space.path.resolve()) if Path(config.space).suffix in {".yaml", ".yml"} else space.name,
            "data": config.data if config.data == "shapes" else str(Path(config.data).resolve()),
            "steps": proxy.recipe.steps if PROXIES[config.proxy].steps else None,
            "proxy_imgsz": proxy.recipe.imgsz,
            "pretrained": config.pretrained and config.pretrained.resolve(),
            "supernet": config.supernet and config.supernet.resolve(),
            "train_device": device,
            "start": tuple(map(str, start)),
            "workers": f"{count}@{address}" if address else str(count),
        }
    )


def _data_name(data: str) -> str:
    path = Path(data).resolve()
    return data if data == "shapes" else (path if path.is_dir() else path.parent).name


def _next_folder(stem: str) -> Path:
    """The first of runs/STEM-1, runs/STEM-2, ... that does not exist."""
    return next(p for n in itertools.count(1) if not (p := Path("runs") / f"{stem}-{n}").exists())


def _check_only_size(space: Space, config: SearchConfig) -> None:
    """Refuse an operator that only saves bytes of weights in a search where they do not count."""
    for key in space.file.operators:
        if FAMILIES[key].only_size and config.max_size is None and "size" not in config.minimize:
            problem, hint = (
                "saves nothing but bytes of weights",
                "add `max_size` or `minimize=latency,size`",
            )
            raise ConfigError(problem, file=space.path, field=f"operators.{key}", hint=hint)


def _pretrained(config: SearchConfig) -> PretrainedModel:
    """Read the pretrained model. A state dict does not tell its template, so the space does."""
    assert config.pretrained is not None
    if not config.pretrained.is_file():
        hint = "give the best.pt of a training"
        raise ConfigError("no such file", field="pretrained", value=config.pretrained, hint=hint)
    named = "space" in config.model_fields_set
    return read_pretrained(config.pretrained, [load_space(config.space).file.template] if named else list(TEMPLATES))


def _check_classes(model: PretrainedModel, proxy: Proxy, config: SearchConfig) -> None:
    """Refuse a model that must be trained on the data first, and cannot be."""
    if not model.is_foreign(proxy.dataset):
        return
    if not config.teacher_epochs:
        problem = f"was trained for other classes than those of {config.data}"
        hint = "give `teacher_epochs`, or a model that was trained on this data"
        raise ConfigError(problem, field="pretrained", value=config.pretrained, hint=hint)
    if proxy.dataset.source is not None:
        check_ultralytics()


def _proxy_options(config: SearchConfig) -> dict[str, Any]:
    """Arguments of the proxy that the options name."""
    found: dict[str, Any] = {}
    recipe = own = proxy_class(config.proxy).recipe
    if config.steps is not None:
        recipe = replace(recipe, steps=config.steps)
    if config.proxy == "supernet":
        recipe = replace(recipe, imgsz=min(config.imgsz))  # `Target.scale` enlarges it for larger candidates
        found["sizes"] = config.imgsz
        if config.supernet is not None:
            found["supernet"] = config.supernet / SUPERNET
    if recipe != own:
        found["recipe"] = recipe
    if config.pretrained is not None:
        training = FineTuning(config.teacher_epochs, config.imgsz[0])
        found |= {"pretrained": config.pretrained, "training": training}
    return found


def _remote_device(config: SearchConfig, reporter: Reporter) -> RemoteDevice | None:
    """The worker that is the device; None for this machine, or if no worker has that name."""
    address = config.worker_count.address
    if is_local(config.device) or not address:
        return None
    link = Link(config.tls_ca_file, config.tls_cert, config.tls_key, reporter.say)
    remote = RemoteDevice(config.device, config.runtime, config.threads, address, link)
    return remote if remote.is_connected() else None


def _named(config: SearchConfig) -> dict[str, str | int]:
    """The part of a fingerprint that the options name."""
    return {"device": config.device, "runtime": config.runtime, "threads": config.threads}


def _open_table(config: SearchConfig, space: Space, nc: int) -> tuple[LatencyTable, TableBuilder | None]:
    """Open the table, and its builder if missing rows can be measured. A table without a builder must be complete."""
    options = (config.device, config.runtime, config.threads, config.precision, config.table)
    try:
        if is_local(config.device) or config.rebuild_table:
            builder = open_builder(*options, rebuild=config.rebuild_table, force=config.force)
            if builder.table.measurable:
                return builder.table, builder
            table = builder.table
        else:
            table = open_table(*options)
        for size in config.imgsz:
            table.require(space.rows(nc, size), size)
    except AbsentDeviceError as error:
        if not is_local(config.device):
            first, *others = config.imgsz
            error.hint = kit_hint(_named(config), *command_words([space], [first], nc)[1:])
            error.hint += "".join(f"; make another one with --imgsz {size}" for size in others)
        raise
    except RefusedTableError as error:
        error.hint = f"add `rebuild_table` to measure it in this search, or {error.hint}"
        raise
    return table, None


def _member(space: Space, name: str, sizes: tuple[int, ...], nc: int) -> Architecture:
    """The member of the space that a model YAML or an architecture string describes."""
    try:
        member = space.member(load_detector(name, nc, sizes[0], lambda assumed: None))
    except ModelError as error:
        hint = "" if error.hint else "widen the space, or drop it"
        raise ConfigError(str(error), field="start", value=name, hint=hint) from None
    size = named_size(name)
    if size not in {None, *sizes}:
        problem, hint = f"is for images of {size} px", f"add `imgsz={size}`, or drop it"
        raise ConfigError(problem, field="start", value=name, hint=hint)
    return replace(member, imgsz=size) if size and space.sizes else member
