"""What the options of a search ask for: each refused in one line where it cannot be, or made what the search needs."""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nas import cli
from nas.errors import InputError
from nas.execution.cluster.link import Link
from nas.execution.executors import ByPath, Executor, executor
from nas.execution.local_workers import Workers
from nas.execution.remote_device import FarDevice
from nas.latency.opening import is_here
from nas.objectives.costs import COSTS, LATENCY
from nas.objectives.limits import Limits
from nas.operators.registry import FAMILIES
from nas.proxies.base import Proxy
from nas.proxies.registry import PROXIES
from nas.proxies.template import FromTemplate
from nas.search.samplers import SAMPLERS
from nas.spaces.architecture import Architecture
from nas.spaces.models import named_size, read_model
from nas.spaces.space import Space

MORE = tuple(name for name in COSTS if name not in LATENCY)
"""What can be minimised beside latency."""


def check(budget: int, sizes: tuple[int, ...], limits: Limits, proxy: str, sampler: str) -> None:
    """Refuse what cannot be before anything is spent."""
    if budget < 1:
        raise InputError(f"--budget {budget}: nothing would be trained; give 1 or more")
    for size in sizes:
        cli.check_imgsz(size)
    for name, value in asdict(limits).items():
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"--max-{name} {value}: must be a number above 0")
    if proxy not in PROXIES:
        raise InputError(f"--proxy {proxy}: no such proxy; known are {', '.join(PROXIES)}")
    if len(sizes) > 1 and not PROXIES[proxy].trains:
        raise InputError(f"--proxy {proxy}: trains nothing, so that it cannot compare image sizes; give one --imgsz")
    if sampler not in SAMPLERS:
        raise InputError(f"--sampler {sampler}: no such sampler; known are {', '.join(SAMPLERS)}")


def minimised_costs(minimise: str) -> tuple[str, ...]:
    """The costs that ``--minimise`` names."""
    first, *more = minimise.split(",")
    if first != "latency" or not set(more) <= set(MORE) or len(set(more)) < len(more):
        raise InputError(f"--minimise {minimise}: give latency, or latency,{MORE[-1]}; known are {', '.join(MORE)}")
    return first, *more


def check_size(space: Space, limits: Limits, minimised: tuple[str, ...]) -> None:
    """Refuse an operator that saves bytes of weights and nothing else in a search where they do not count."""
    for key in space.file.operators:
        if FAMILIES[key].only_size and limits.size is None and "size" not in minimised:
            problem = f"{space.path}: operators.{key}: saves nothing but the size of the weights"
            raise InputError(f"{problem}; add --max-size BYTES or --minimise latency,size, or drop {key}")


def member_of(space: Space, name: str, sizes: tuple[int, ...], nc: int) -> Architecture:
    """A member of the space as ``--start`` names it, on images of the first size where it names none."""
    try:
        member = space.member(read_model(name, sizes[0], nc, lambda assumed: None))
    except ValueError as error:
        raise InputError(f"--start {name}: {error}; widen the space, or drop it") from None
    size = named_size(name)
    if size not in {None, *sizes}:
        raise InputError(f"--start {name}: is for images of {size} px; add --imgsz {size}, or drop it")
    return replace(member, imgsz=size) if size and space.sizes else member


def weights_of(proxy: str, weights: Path | None) -> dict[str, Any]:
    """What a proxy that starts from a trained template has to be told."""
    if weights is None:
        return {}
    kinds = [name for name, kind in PROXIES.items() if issubclass(kind, FromTemplate)]
    if proxy not in kinds:
        raise InputError(
            f"--weights {weights}: only --proxy {', '.join(kinds)} start from weights; add one, or drop it"
        )
    if not weights.is_file():
        raise InputError(f"--weights {weights}: no such file")
    return {"weights": weights}


def steps_of(proxy: str, steps: int | None) -> dict[str, Any]:
    """What a proxy that trains every candidate for so many steps has to be told."""
    if steps is None:
        return {}
    if not PROXIES[proxy].trains:
        kinds = ", ".join(name for name, kind in PROXIES.items() if kind.trains)
        raise InputError(f"--steps {steps}: --proxy {proxy} trains no candidate; drop it, or give --proxy {kinds}")
    return {"recipe": replace(PROXIES[proxy].recipe, steps=steps)}


def far_device(device: str, runtime: str, threads: int, address: str, link: Link) -> FarDevice | None:
    """The worker that is the device; None for this machine, and where no worker is called so."""
    if is_here(device) or not address:
        return None
    far = FarDevice(device, runtime, threads, address, link)
    return far if far.there() else None


def crew_of(
    at_once: int,
    address: str,
    link: Link,
    scorer: Proxy,
    make: dict[str, Any],
    limit: float | None,
    tested: bool,
) -> tuple[Executor, int]:
    """What scores ``at_once`` candidates, 0 for as many as fit, like this proxy (made with ``make``), and the torch
    threads of each."""
    on_cpu = scorer.device == "cpu"
    if address:
        options = {"address": address, "link": link, "label": "train" if on_cpu else "GPU"}
        return executor(address)(ByPath.of(scorer, make, tested), at_once, 1, limit, **options), 1
    cores = len(os.sched_getaffinity(0))
    count = at_once or (min(cores, 4) if on_cpu else 1)
    here = partial(type(scorer), scorer.dataset, **make)
    return Workers(here, count, max(1, cores // count), limit), max(1, cores // count)


def train_device_of(name: str, address: str) -> str:
    """What candidates train on; a cluster's GPUs only where they are asked for."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() and not address else "cpu"
    if name.partition(":")[0] not in {"cpu", "cuda"}:
        raise InputError(f"--train-device {name}: unknown device; give auto, cpu or cuda")
    if not address and name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"--train-device {name}: torch sees no CUDA device; give cpu")
    return name


def next_folder(stem: str) -> Path:
    """The first of runs/STEM-1, runs/STEM-2, ... that does not exist."""
    return next(p for n in itertools.count(1) if not (p := Path("runs") / f"{stem}-{n}").exists())
