"""A finished run as its figures need it: the record, data frames and YAML texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.config import SearchConfig
from nas.proxies.registry import score_unit
from nas.runs.finalists import Finalist, unmeasured_note
from nas.runs.record import RunResult
from nas.runs.run import Run, load_run
from nas.runs.score_noise import CHANCE, pooled_sd
from nas.runs.size_curve import SizeCurve
from nas.runs.trials import TrialState

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RunData:
    """A finished run.

    Attributes:
        run: The run.
        trials: trials.csv.
        pareto: pareto.csv.
        rows: rows.csv.
        yamls: Text of the YAML file of each model of the front, by name.
    """

    run: Run
    trials: pd.DataFrame
    pareto: pd.DataFrame
    rows: pd.DataFrame
    yamls: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self.run.folder

    @property
    def config(self) -> SearchConfig:
        """Options of the search."""
        return self.run.config

    @property
    def result(self) -> RunResult:
        """Result of the search."""
        return self.run.result

    @property
    def title(self) -> str:
        """The search space and the machine."""
        return f"{self.run.record.space} on {processor(self.run.record.fingerprint)}"

    @property
    def several_sizes(self) -> bool:
        """True if the search chose among image sizes."""
        return len(self.config.imgsz) > 1

    @property
    def sizes(self) -> str:
        """The image sizes, in words."""
        return f"{' or '.join(map(str, self.config.imgsz))} px"

    @property
    def several_rungs(self) -> bool:
        """True if the finalists were trained longer than on the first rung."""
        return self.config.rungs > 1

    @property
    def trained(self) -> pd.DataFrame:
        """The trials that were trained, without duplicates."""
        return self.trials[self.trials.state == TrialState.TRAINED.value]

    @property
    def finalists(self) -> pd.DataFrame:
        """The finalists; columns are the fields of `nas.runs.finalists.Finalist`."""
        import pandas as pd

        return pd.DataFrame([asdict(finalist) for finalist in self.result.finalists])

    @property
    def stock(self) -> Finalist:
        """The stock model."""
        return self.result.stock

    @property
    def unmeasured(self) -> str:
        """A note for latencies that were predicted and not measured; empty for measured ones."""
        return unmeasured_note(self.folder, self.forced) if self.stock.latency_ms is None else ""

    @property
    def kind(self) -> str:
        """The kind of the finalists' latencies: measured or predicted."""
        return "predicted, not measured" if self.unmeasured else "measured"

    @property
    def front_ms(self) -> pd.Series[float]:
        """Latencies of the front in ms: measured, otherwise predicted."""
        return self.pareto[self._latency_column]

    @property
    def finalists_ms(self) -> pd.Series[float]:
        """Latencies of all finalists in ms, of the same kind as `front_ms`."""
        return self.finalists[self._latency_column]

    @property
    def stock_ms(self) -> float:
        """Latency of the stock model in ms, of the same kind as `front_ms`."""
        return self.stock.latency

    @property
    def _latency_column(self) -> str:
        return "latency_predicted_ms" if self.unmeasured else "latency_ms"

    @property
    def unit(self) -> str:
        """Unit of the scores on the first rung."""
        return score_unit(self.config.proxy)

    @property
    def final_unit(self) -> str:
        """Unit of the finalists' accuracy."""
        return self.result.accuracy_unit

    @property
    def has_ap(self) -> bool:
        """True if the finalists are trained: their AP, and no score, decides the front."""
        return self.result.trained

    @property
    def accuracy_name(self) -> str:
        """Name of the figure that the front maximizes."""
        return "AP" if self.has_ap else "score"

    def accuracy(self, models: pd.DataFrame) -> pd.Series[float]:
        """The figure that the front maximizes, of models in a frame such as `pareto` or `finalists`."""
        return models.ap if self.has_ap else models.score

    @property
    def curve(self) -> SizeCurve | None:
        """The teacher's size curve; None without pretrained weights."""
        return self.result.size_curve

    @property
    def tells_apart(self) -> bool:
        """True if the scores tell candidates apart; otherwise there is no front to draw."""
        return not self.result.doubt

    @property
    def noise(self) -> float:
        """Differences of accuracy between finalists below this value are noise; 0 if no spread is known."""
        if self.has_ap:
            return self.run.ap_noise
        several = [finalist for finalist in self.result.finalists if finalist.score_n > 1]
        if not several:
            return CHANCE * self.result.score_noise.seeds
        sd = pooled_sd([(finalist.score_sd or 0.0, finalist.score_n) for finalist in several])
        return float(CHANCE * sd / several[0].score_n ** 0.5)

    @property
    def is_line(self) -> bool:
        """True if the front is a line: a score for each latency, and no other cost."""
        return self.tells_apart and self.config.minimize == ("latency",)

    @property
    def front_label(self) -> str:
        """Name of the front in a legend."""
        return f"Pareto front ({self.kind})" if self.tells_apart else f"chosen by noisy scores ({self.kind})"

    @property
    def forced(self) -> str:
        """The reason why the latency table does not fit, where it was used with `force`; otherwise empty."""
        return self.run.record.forced

    @property
    def latency_label(self) -> str:
        """Title of a latency axis."""
        return "latency, ms" + (" (forced table)" if self.forced else "")


def load_run_data(folder: Path) -> RunData:
    """Read a finished run.

    Args:
        folder: The run directory.

    Raises:
        ConfigError: It is not a finished run, or one of its files is missing or damaged.
    """
    run = load_run(folder)
    models = run.result.front
    yamls = {model.name: (folder / model.yaml).read_text(encoding="utf-8") for model in models}
    return RunData(run, run.table("trials"), run.table("pareto"), run.table("rows"), yamls)


def processor(fingerprint: Mapping[str, str | int]) -> str:
    """Name of the processor that a fingerprint belongs to: the GPU, where there is one."""
    return str(fingerprint.get("gpu", fingerprint["cpu"]))
