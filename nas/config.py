"""Options of a search: name, type, default, unit, help, group and validation. The command line is made from this class.

No option of a search is declared elsewhere. Importing this module imports neither torch nor optuna.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from nas.errors import ConfigError
from nas.execution.executors import check_address
from nas.integrations.loggers.registry import LOGGERS
from nas.objectives.costs import COSTS, LATENCY
from nas.objectives.limits import Limits
from nas.proxies.registry import PROXIES
from nas.proxies.rungs import RUNGS

DEVICE, SEARCH, SCORES = "Device", "Search", "Scores"
LIMITS, CLUSTER, RUN = "Limits and objectives", "Cluster", "Run"
GROUPS = (DEVICE, SEARCH, SCORES, LIMITS, CLUSTER, RUN)
"""Groups of options, in the order of ``--help``."""

SamplerName = Literal["guided", "tpe", "nsga2", "gp", "random"]
MILLISECONDS = {"ms": 1.0, "s": 1e3}
MINUTES = {"min": 1.0, "h": 60.0, "s": 1 / 60}
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
COUNTS = {"k": 1e3, "M": 1e6, "G": 1e9}
BYTES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
STORED = {"stored": True}
"""Validation context of options that an earlier release stored."""
MORE_OBJECTIVES = tuple(name for name in COSTS if name not in LATENCY)
"""Costs that can be minimized beside latency."""


class Spec(NamedTuple):
    """Properties of an option beside its type, default and help.

    Attributes:
        group: Its heading in ``--help``.
        identity: True if a run that is resumed must have the same value.
        default: Text for a default that is decided later.
        metavar: Text for its value in ``--help``.
        aliases: Other spellings on the command line.
        choices: Returns the values that it may have.
        joined: True if the command line takes several values in one word, separated by commas.
        units: Units that the command line takes after the number, each with its value in the option's unit.
    """

    group: str
    identity: bool = True
    default: str = ""
    metavar: str = ""
    aliases: tuple[str, ...] = ()
    choices: Callable[[], tuple[str, ...]] | None = None
    joined: bool = False
    units: Mapping[str, float] = {}


def _option(value: Any, group: str, help: str, *, ge: float | None = None, gt: float | None = None, **spec: Any) -> Any:
    """A field of `SearchConfig`; ``spec`` are fields of `Spec`."""
    held: Any = {"spec": Spec(group, **spec)}
    return Field(value, description=help, ge=ge, gt=gt, json_schema_extra=held)


def spec_of(field: FieldInfo) -> Spec:
    """The `Spec` of a field of `SearchConfig`."""
    return cast(dict[str, Spec], field.json_schema_extra)["spec"]


def check_imgsz(imgsz: int, field: str = "imgsz") -> int:
    """Return an image size that detectors accept.

    Args:
        imgsz: The size in pixels.
        field: Name of the option, for the error.

    Raises:
        ConfigError: It is not a positive multiple of 32.
    """
    if imgsz < 32 or imgsz % 32:
        nearest = max(32, round(imgsz / 32) * 32)
        raise ConfigError("must be a multiple of 32", field=field, value=imgsz, hint=f"give {nearest}")
    return imgsz


def check_nc(nc: int | None) -> None:
    """Raise ConfigError unless ``nc`` is a number of classes or None."""
    if nc is not None and nc < 1:
        raise ConfigError("must be the number of classes, 1 or more", field="nc", value=nc)


def _sizes(value: object) -> object:
    found = [value] if isinstance(value, int) else value
    return tuple(dict.fromkeys(found)) if isinstance(found, list | tuple) else found


def _checked_sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if not sizes:
        raise PydanticCustomError("empty", "give at least one image size")
    return tuple(map(check_imgsz, sizes))


def _checked_proxy_imgsz(imgsz: int | None) -> int | None:
    return imgsz if imgsz is None else check_imgsz(imgsz, "proxy_imgsz")


def _split(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _checked_objectives(names: tuple[str, ...]) -> tuple[str, ...]:
    first, *more = names or ("",)
    if first != "latency" or not set(more) <= set(MORE_OBJECTIVES) or len(set(more)) < len(more):
        known = ", ".join(MORE_OBJECTIVES)
        hint = f"give latency, or latency,{MORE_OBJECTIVES[-1]}; known are {known}"
        raise ConfigError(
            "must begin with latency and name known costs once", field="minimize", value=",".join(names), hint=hint
        )
    return names


def _limit(value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise PydanticCustomError("limit", "must be a number above 0")
    return value


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class WorkerCount(NamedTuple):
    """Parsed `SearchConfig.workers`.

    Attributes:
        number: Candidates trained at once; 0 means as many as fit.
        address: Address of a cluster; empty for this machine.
    """

    number: int
    address: str


def _parse_workers(text: str) -> WorkerCount:
    match = re.fullmatch(r"(?:(\d+)(?:@|$))?(?:(\w+://\S+))?", text)
    if match is None or not text:
        hint = "give 1 or more, 0 for one a core, or the address of a cluster such as tcp://HOST:8786"
        raise ConfigError("is no number and no address", field="workers", value=text, hint=hint)
    return WorkerCount(int(match[1] or 0), match[2] or "")


def _checked_proxy(name: str, info: ValidationInfo) -> str:
    stored = info.context is STORED  # by a release that had other proxies
    if name not in PROXIES and not stored:
        raise ConfigError("no such proxy", field="proxy", value=name, hint=f"known are {', '.join(PROXIES)}")
    return name


def _checked_workers(text: str) -> str:
    check_address(_parse_workers(text).address)
    return text


def _checked_loggers(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in LOGGERS:
            raise ConfigError("no such logger", field="logger", value=name, hint=f"known are {', '.join(LOGGERS)}")
    return tuple(dict.fromkeys(names))


def _checked_train_device(name: str) -> str:
    if name != "auto" and name.partition(":")[0] not in {"cpu", "cuda"}:
        raise ConfigError("unknown device", field="train_device", value=name, hint="give auto, cpu or cuda")
    return name


Sizes = Annotated[tuple[int, ...], BeforeValidator(_sizes), AfterValidator(_checked_sizes)]
Objectives = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_checked_objectives)]
FloatLimit = Annotated[float | None, AfterValidator(_limit)]
IntLimit = Annotated[int | None, AfterValidator(_limit)]


class SearchConfig(BaseModel):
    """All options of a search, given by name. Instances are immutable.

    Raises:
        ConfigError: An option has a wrong type or value, or is unknown.

    Example:
        >>> SearchConfig(data="my-data/data.yaml", budget=50, max_latency=40).imgsz
        (320,)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    device: str = _option("cpu", DEVICE, "Target device: cpu, cuda, cuda:N, or a device whose table was imported.")
    runtime: str = _option("auto", DEVICE, "Runtime that you deploy with: auto, torch, onnxruntime or openvino.")
    threads: int = _option(1, DEVICE, "Threads of the runtime.", ge=1)
    precision: str = _option("float32", DEVICE, "float32, or float16 where the device computes in it.")
    imgsz: Sizes = _option(
        (320,),
        DEVICE,
        "Image size at deployment in pixels, a multiple of 32. Repeat it to search over several sizes; "
        "the first is the stock model's.",
        metavar="INTEGER",
    )
    table: Path | None = _option(None, DEVICE, "Latency table.", identity=False, default="the device's own")
    rebuild_table: bool = _option(False, DEVICE, "Measure the latency table anew.", identity=False)
    force: bool = _option(False, DEVICE, "Use a table that does not fit the device, and say so.", identity=False)

    budget: int = _option(50, SEARCH, "Candidates to train, baselines included.", ge=1, identity=False)
    space: str = _option("yolov8n-neck", SEARCH, "Search space: a shipped name or a .yaml file.")
    sampler: SamplerName = _option("guided", SEARCH, "Sampler that suggests candidates.")
    seed: int = _option(0, SEARCH, "Seed of all random choices.", ge=0)
    start: tuple[str, ...] = _option(
        (), SEARCH, "Model YAML or architecture string to train first. May be repeated.", metavar="MODEL"
    )
    time_limit: float | None = _option(
        None,
        SEARCH,
        "Minutes after which no further candidate is trained. Score noise and finalists follow.",
        gt=0,
        identity=False,
        default="no limit",
        units=MINUTES,
    )

    data: str = _option("shapes", SCORES, "The built-in data set 'shapes', or an Ultralytics data.yaml.")
    strict: bool = _option(
        False, SCORES, "Refuse data with unusable images or labels, which Ultralytics drops.", identity=False
    )
    proxy: Annotated[str, AfterValidator(_checked_proxy)] = _option(
        "short",
        SCORES,
        "Proxy that scores candidates.",
        choices=lambda: tuple(PROXIES),
        default="short, or supernet with pretrained weights",
    )
    steps: int | None = _option(
        None,
        SCORES,
        "Training steps of each candidate, or of the supernet. More steps take longer and separate candidates better.",
        ge=1,
        default="the proxy's own",
    )
    proxy_imgsz: Annotated[int | None, AfterValidator(_checked_proxy_imgsz)] = _option(
        None,
        SCORES,
        "Size of the images that candidates train on, in pixels, a multiple of 32. Larger images show small objects, "
        "and take longer.",
        default="64, or as the objects need",
    )
    rungs: int = _option(
        1,
        SCORES,
        "Training rounds. In each round the best candidates continue with twice the steps. 1 disables this. "
        f"Round {RUNGS} also scores finalists on the test split, where the data has one.",
        ge=1,
    )
    pretrained: Path | None = _option(
        None,
        SCORES,
        "Trained model of the template: a checkpoint of Ultralytics' trainer (.pt), or a state dict. Candidates take "
        "their weights from it, and the models of the front come trained.",
        metavar="CHECKPOINT",
        aliases=("--weights",),
        identity=False,
        default="candidates start from scratch",
    )
    supernet: Path | None = _option(
        None,
        SCORES,
        "Earlier run with pretrained weights. Its teacher and its supernet are used, so nothing is trained before the "
        "search.",
        metavar="RUN",
        identity=False,
        default="trained first",
    )
    teacher_epochs: int = _option(
        30, SCORES, "Epochs that train a pretrained model of other classes on the data. 0: refuse such a model.", ge=0
    )
    finalist_steps: int = _option(
        240,
        SCORES,
        "Steps of 16 images that train each model of the front as a student of the pretrained model. 0: none.",
        ge=0,
        identity=False,
    )
    train_device: Annotated[str, AfterValidator(_checked_train_device)] = _option(
        "auto", SCORES, "Device that candidates train on: auto, cpu or cuda. On a cluster, auto means cpu."
    )
    candidate_limit: float = _option(
        600.0,
        SCORES,
        "Seconds after which the training of a candidate is killed. 0: no limit.",
        ge=0,
        identity=False,
        units=SECONDS,
    )
    cache: bool = _option(True, SCORES, "Reuse scores of earlier runs that trained in the same way.", identity=False)

    max_latency: FloatLimit = _option(
        None, LIMITS, "Limit on the latency of one image, in ms.", default="no limit", units=MILLISECONDS
    )
    max_params: IntLimit = _option(
        None, LIMITS, "Limit on the number of parameters, such as 2M.", default="no limit", units=COUNTS
    )
    max_macs: IntLimit = _option(
        None, LIMITS, "Limit on the multiply-adds of one image, such as 1.5G.", default="no limit", units=COUNTS
    )
    max_size: IntLimit = _option(
        None, LIMITS, "Limit on the bytes of the deployed weights, such as 3MB.", default="no limit", units=BYTES
    )
    minimize: Objectives = _option(
        LATENCY,
        LIMITS,
        f"Costs that the Pareto front minimizes: latency, or latency,{','.join(MORE_OBJECTIVES)}.",
        metavar="NAMES",
        aliases=("--minimise",),
        joined=True,
    )

    workers: Annotated[str, BeforeValidator(_text), AfterValidator(_checked_workers)] = _option(
        "0",
        CLUSTER,
        "Candidates trained at once. 0: one a core, at most 4. tcp://SCHEDULER:8786: on a cluster, as many "
        "as its workers (python -m nas.worker) take, or N of them.",
        metavar="N|[N@]URL",
    )
    storage: str | None = _option(
        None,
        CLUSTER,
        "Optuna storage URL, such as postgresql+psycopg://USER@HOST/NAME. The study is named after the run directory.",
        identity=False,
        default="study.db in the run directory",
    )
    tls_ca_file: Path | None = _option(
        None, CLUSTER, "Certificate authority of the cluster, PEM.", identity=False, default="no TLS"
    )
    tls_cert: Path | None = _option(None, CLUSTER, "Certificate signed by it, PEM.", identity=False, default="no TLS")
    tls_key: Path | None = _option(None, CLUSTER, "Key of the certificate, PEM.", identity=False, default="no TLS")

    out: Path | None = _option(None, RUN, "Run directory.", identity=False, default="runs/SPACE-DATA-N")
    logger: Annotated[tuple[str, ...], AfterValidator(_checked_loggers)] = _option(
        (),
        RUN,
        "Experiment tracker that records trials and front. May be repeated.",
        identity=False,
        choices=lambda: tuple(LOGGERS),
        default="none",
    )
    finish: int | None = _option(
        None,
        RUN,
        "Epochs. After the search, train the recommended model with Ultralytics, validate it, export it to ONNX and "
        "measure it, as python -m nas.finish does.",
        ge=1,
        identity=False,
        default="no training",
    )
    resume: bool = _option(False, RUN, "Continue the run in the run directory.", identity=False)

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, values: Any, handler: Any) -> Self:
        try:
            return cast(Self, handler(values))
        except ValidationError as error:
            raise _config_error(error) from None

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, values: Any, info: ValidationInfo) -> Any:
        """Options of earlier releases by their present names; the proxy of a search with pretrained weights."""
        if not isinstance(values, dict):
            return values
        if info.context is STORED and "weights" in values:
            values = {("pretrained" if name == "weights" else name): value for name, value in values.items()}
        if "proxy" not in values and (values.get("pretrained") or values.get("supernet")):
            values = values | {"proxy": "supernet"}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rungs > RUNGS:
            raise ConfigError(f"must be from 1 to {RUNGS}", field="rungs", value=self.rungs)
        if self.proxy in PROXIES:
            self._check_proxy_options()
        if self.resume and self.rebuild_table:
            problem = "a resumed run keeps its latencies"
            raise ConfigError(problem, field="rebuild_table", hint="drop `rebuild_table` or `resume`")
        if self.resume and self.out is None:
            raise ConfigError("needs the run directory", field="resume", hint="give it with `out`")
        return self

    def _check_proxy_options(self) -> None:
        """Raise ConfigError for an option that the proxy cannot use."""
        proxy = PROXIES[self.proxy]
        if len(self.imgsz) > 1 and not proxy.detects:
            problem = "detects nothing, so it cannot compare image sizes"
            raise ConfigError(problem, field="proxy", value=self.proxy, hint="give one `imgsz`")
        if self.pretrained is not None and not proxy.uses_template:
            names = ", ".join(name for name, other in PROXIES.items() if other.uses_template)
            problem, hint = f"only the proxies {names} start from weights", "choose one with `proxy`, or drop it"
            raise ConfigError(problem, field="pretrained", value=self.pretrained, hint=hint)
        if self.steps is not None and proxy.steps is None:
            names = ", ".join(name for name, other in PROXIES.items() if other.steps is not None)
            problem, hint = f"the proxy {self.proxy} trains no candidate", f"drop it, or choose {names}"
            raise ConfigError(problem, field="steps", value=self.steps, hint=hint)
        self._check_supernet_options()

    def _check_supernet_options(self) -> None:
        """Raise ConfigError for an option that a search with a supernet cannot use."""
        if self.supernet is not None and self.proxy != "supernet":
            problem = f"the proxy {self.proxy} uses no supernet"
            raise ConfigError(problem, field="supernet", value=self.supernet, hint="drop `proxy`")
        if self.supernet is not None and self.pretrained is not None:
            problem = "brings its own pretrained model"
            raise ConfigError(problem, field="supernet", value=self.supernet, hint="drop `pretrained`")
        if self.proxy == "supernet" and self.proxy_imgsz not in {None, min(self.imgsz)}:
            problem = "the proxy supernet scores at the image size of the deployment"
            raise ConfigError(problem, field="proxy_imgsz", value=self.proxy_imgsz, hint="drop it")
        if self.proxy == "supernet" and self.rungs > 1:
            problem = "trains candidates from scratch, and members of a supernet have their weights"
            raise ConfigError(problem, field="rungs", value=self.rungs, hint="drop it, or choose another `proxy`")

    @property
    def limits(self) -> Limits:
        """Limits on latency, parameters, MACs and size."""
        return Limits(self.max_latency, self.max_params, self.max_macs, self.max_size)

    @property
    def worker_count(self) -> WorkerCount:
        """`workers`, parsed."""
        return _parse_workers(self.workers)

    def identity(self) -> dict[str, Any]:
        """Options that a resumed run must share, by name."""
        fixed = {
            name: getattr(self, name) for name, field in type(self).model_fields.items() if spec_of(field).identity
        }
        return fixed | {"workers": self.worker_count.number}

    def updated(self, changes: Mapping[str, Any]) -> SearchConfig:
        """A validated copy with other values.

        Raises:
            ConfigError: As for the constructor.
        """
        return SearchConfig(**{**{name: getattr(self, name) for name in self.model_fields_set}, **changes})


def _config_error(error: ValidationError) -> ConfigError:
    """The first fault, with the option's name."""
    first = error.errors()[0]
    field, value = str(first["loc"][0]) if first["loc"] else "", first["input"]
    if first["type"] == "extra_forbidden":
        return ConfigError("unknown option", field=field, hint=f"known are {', '.join(SearchConfig.model_fields)}")
    if first["type"] == "literal_error":
        known = ", ".join(get_args(SearchConfig.model_fields[field].annotation))
        return ConfigError(f"no such {field}", field=field, value=value, hint=f"known are {known}")
    problem = str(first["msg"])
    return ConfigError(problem[0].lower() + problem[1:], field=field, value=value)
