"""The record of a run: run.json, typed and versioned. This module alone reads and writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.config import STORED, SearchConfig
from nas.errors import ConfigError
from nas.files import write
from nas.proxies.image_size import USUAL
from nas.runs.finalists import Finalist
from nas.runs.score_noise import ScoreNoise
from nas.runs.size_curve import SizeCurve, SizePoint
from nas.runs.teacher_record import TeacherRecord

FILE = "run.json"
VERSION = 2
AP = "AP50-95"
"""Unit of the AP of trained models."""


class RunStatus(StrEnum):
    """State of a run."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    FINISHED = "finished"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Hashes(_Part):
    """Fingerprints of the files that decide a run's scores."""

    space: str
    data: str
    proxy: str


class Baselines(_Part):
    """Architecture strings that a search starts from: ``asked`` were trials, ``left_out`` exceeded their share of the
    budget."""

    asked: tuple[str, ...]
    left_out: tuple[str, ...]


class TableSnapshot(_Part):
    """The latency table as the run used it: its path and the content of its header, see `nas.latency.store.Header`."""

    path: str
    header: dict[str, Any]


class RunResult(_Part):
    """Result of a finished search.

    Attributes:
        nc: Number of classes.
        unit: Unit of the finalists' scores; ``accuracy_unit`` is that of their AP where they are trained.
        finalists: All finalists; the front comes first.
        stock: The stock model.
        baselines: Baselines of the search.
        table: The latency table.
        score_noise: Spread of the scores.
        trust: The score noise in words, with advice.
        curve: The teacher at several image sizes, the deployment size first; empty without pretrained weights.
        teacher: The trained model that the candidates start from; None without pretrained weights.
    """

    nc: int
    unit: str
    finalists: tuple[Finalist, ...]
    stock: Finalist
    baselines: Baselines
    table: TableSnapshot
    score_noise: ScoreNoise
    trust: str
    curve: tuple[SizePoint, ...] = ()
    teacher: TeacherRecord | None = None

    @property
    def trained(self) -> bool:
        """True if the finalists are trained, so that their AP and no proxy score decides the front."""
        return any(finalist.ap is not None for finalist in self.finalists)

    @property
    def accuracy_unit(self) -> str:
        """Unit of what the front maximizes."""
        return AP if self.trained else self.unit

    @property
    def doubt(self) -> str:
        """The reason why the front is no Pareto front: its scores tell nothing apart. Empty if it is one."""
        return "" if self.trained else self.score_noise.verdict

    @property
    def size_curve(self) -> SizeCurve | None:
        """The points of the teacher whose latency is known, which a gain must beat; None if there are none."""
        known = tuple(point for point in self.curve if point.latency_ms is not None)
        return SizeCurve(known) if known else None

    @property
    def front(self) -> list[Finalist]:
        """The Pareto front, fastest first."""
        return [finalist for finalist in self.finalists if not finalist.rejected]


class RunRecord(_Part):
    """Content of run.json.

    Attributes:
        version: Version of this layout.
        status: State of the run.
        config: Options of the search, resolved: the runtime, the steps, the proxy's image size and the
            number of workers that were used.
        space: Name of the search space.
        hashes: Fingerprints of space, data and proxy.
        fingerprint: Fingerprint of the latency table: device, runtime and their versions.
        data_note: Number of images that are used.
        forced: The reason why the table does not fit the device, where `force` was used.
        study: Name of the Optuna study.
        versions: Versions of the packages that influence numbers.
        git: Commit of our own clone.
        seconds: Duration of each phase.
        result: The result of a finished search.
    """

    version: Literal[2] = 2
    status: RunStatus
    config: SearchConfig
    space: str
    hashes: Hashes
    fingerprint: dict[str, str | int]
    data_note: str
    forced: str = ""
    study: str = ""
    versions: dict[str, str] = {}
    git: str | None = None
    seconds: dict[str, float] = {}
    result: RunResult | None = None

    def to_json(self) -> dict[str, Any]:
        """Content of run.json."""
        return self.model_dump(mode="json")

    def save(self, folder: Path) -> None:
        """Write run.json."""
        write(folder / FILE, json.dumps(self.to_json(), indent=2) + "\n")

    @staticmethod
    def from_json(content: object, file: Path) -> RunRecord:
        """Read the content of a run.json of this or an earlier version.

        Args:
            content: The parsed JSON.
            file: Its file, for messages.

        Raises:
            ConfigError: It is not the record of a run.
        """
        restore = "restore the file, or give another run"
        if not isinstance(content, dict):
            raise ConfigError("not the record of a run", file=file, hint="give another run directory")
        if content.get("version", VERSION) != VERSION:  # version 1 did not record it
            problem = f"must be {VERSION}, not {content['version']}"
            raise ConfigError(problem, file=file, field="version", hint="open it with the release that wrote it")
        try:
            current = _with_proxy_imgsz(content if "version" in content else _upgraded(content))
            return RunRecord.model_validate(current, context=STORED)
        except ValidationError as error:
            first = error.errors()[0]
            field, problem = ".".join(map(str, first["loc"])), str(first["msg"])
            raise ConfigError(problem, file=file, field=field, hint=restore) from None
        except ConfigError as error:
            hint = error.hint or restore
            raise ConfigError(error.problem, file=file, field=f"config.{error.field}", hint=hint) from None
        except KeyError as error:
            problem = f"not the record of a run: it lacks {error.args[0]}"
            raise ConfigError(problem, file=file, hint="give another run directory") from None
        except (TypeError, ValueError, AttributeError):
            raise ConfigError("not the record of a run", file=file, hint="give another run directory") from None

    @staticmethod
    def load(folder: Path) -> RunRecord:
        """Read run.json of a run directory.

        Raises:
            ConfigError: There is none, or it cannot be read.
        """
        file = folder / FILE
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"has no {FILE}", file=folder, hint="give a run directory") from None
        except (OSError, ValueError) as error:
            hint = "restore it, or search again into another directory"
            raise ConfigError(f"damaged: {error}", file=file, hint=hint) from None
        return RunRecord.from_json(content, file)


def load_config(path: Path) -> SearchConfig:
    """The options of an earlier run.

    Args:
        path: A run.json, or the directory that holds it.

    Raises:
        ConfigError: It cannot be read.
    """
    if path.is_dir():
        return RunRecord.load(path).config
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("no such file", file=path, hint="give the run.json of a run") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"not readable: {error}", file=path, hint="give the run.json of a run") from None
    return RunRecord.from_json(content, path).config


def _with_proxy_imgsz(content: dict[str, Any]) -> dict[str, Any]:
    """Content with the image size of the proxy. Before it was an option, all candidates trained at the usual size."""
    return content | {"config": {"proxy_imgsz": USUAL} | content["config"]} if "config" in content else content


_PHASES = {"signal": "score_noise", "rungs": "halving", "measuring": "finalists"}
"""Phases that version 1 gave other names."""


def _upgraded(old: Mapping[str, Any]) -> dict[str, Any]:
    """The layout of version 1 in that of version 2."""
    options = dict(old["options"])
    options["minimize"] = options.pop("minimise")
    options["workers"] = str(options["workers"])
    same = ("status", "hashes", "versions", "git", "forced", "study")
    new: dict[str, Any] = {name: old[name] for name in same if name in old}
    new["seconds"] = {_PHASES.get(name, name): seconds for name, seconds in old.get("seconds", {}).items()}
    new |= {"config": options, "space": options["space"], "fingerprint": old["latency"], "data_note": old["data"]}
    if "finalists" in old:
        noise = dict(old["signal"])
        trust = noise.pop("text")
        del noise["tells_apart"]
        table = dict(old["table"])
        path = table.pop("path")
        new["result"] = {
            "nc": old["nc"],
            "unit": old["unit"],
            "finalists": [_upgraded_finalist(finalist) for finalist in old["finalists"]],
            "stock": _upgraded_finalist(old["stock"]),
            "baselines": old["baselines"],
            "table": {"path": path, "header": table},
            "score_noise": noise,
            "trust": trust,
        }
    return new


def _upgraded_finalist(old: Mapping[str, Any]) -> dict[str, Any]:
    return {("rejected" if name == "fell" else name): value for name, value in old.items()}
