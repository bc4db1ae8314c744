"""What a run found, as figures before they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nas.errors import InputError
from nas.proxies.registry import score_unit
from nas.reports.legacy import facts_of
from nas.runs.finalists import unmeasured_note
from nas.runs.record import RunRecord
from nas.runs.score_noise import CHANCE, pooled_sd

NEEDED = {"options", "latency", "nc", "unit", "finalists", "stock", "signal", "seconds", "table"}
"""What run.json of a finished run holds."""


@dataclass(frozen=True)
class RunData:
    """run.json as ``facts``, trials.csv, pareto.csv, rows.csv, and the YAML text of each Pareto model by name."""

    folder: Path
    facts: dict[str, Any]
    trials: pd.DataFrame
    pareto: pd.DataFrame
    rows: pd.DataFrame
    yamls: dict[str, str]

    @property
    def options(self) -> dict[str, Any]:
        """What the search was asked for."""
        options: dict[str, Any] = self.facts["options"]
        return options

    @property
    def title(self) -> str:
        """The space and the machine."""
        of = self.facts["latency"]
        return f"{self.options['space']} on {of.get('gpu', of['cpu'])}"

    @property
    def several_sizes(self) -> bool:
        """Whether the image size was one of the choices."""
        return len(self.options["imgsz"]) > 1

    @property
    def sizes(self) -> str:
        """The image sizes, in words."""
        return f"{' or '.join(map(str, self.options['imgsz']))} px"

    @property
    def trained(self) -> pd.DataFrame:
        """The candidates that were trained, repeats aside."""
        return self.trials[self.trials.state == "trained"]

    @property
    def finalists(self) -> pd.DataFrame:
        """The candidates that reached the last rung: the columns of pareto.csv."""
        return pd.DataFrame(self.facts["finalists"])

    @property
    def stock(self) -> dict[str, Any]:
        """The stock model as measured: the columns of pareto.csv."""
        stock: dict[str, Any] = self.facts["stock"]
        return stock

    @property
    def unmeasured(self) -> str:
        """What to say of a front that was predicted and not measured; empty for a measured one."""
        return unmeasured_note(self.folder, self.forced) if self.stock["latency_ms"] is None else ""

    @property
    def kind(self) -> str:
        """What the latencies of the front and the stock model are."""
        return "predicted, not measured" if self.unmeasured else "measured"

    @property
    def front_ms(self) -> pd.Series[float]:
        """The front's latencies: measured, or else predicted."""
        return self.pareto[self._column]

    @property
    def finalists_ms(self) -> pd.Series[float]:
        """All finalists' latencies of that kind."""
        return self.finalists[self._column]

    @property
    def stock_ms(self) -> float:
        """The stock model's latency of that kind."""
        return float(self.stock[self._column])

    @property
    def _column(self) -> str:
        return "latency_predicted_ms" if self.unmeasured else "latency_ms"

    @property
    def unit(self) -> str:
        """What the scores of the search, on the first rung, are in."""
        return score_unit(self.options["proxy"])

    @property
    def final_unit(self) -> str:
        """What the scores of the finalists are in."""
        return str(self.facts["unit"])

    @property
    def signal(self) -> str:
        """What the run says of its own scores."""
        return str(self.facts["signal"]["text"])

    @property
    def tells_apart(self) -> bool:
        """Whether the scores tell candidates apart; where they do not, there is no front to draw."""
        return bool(self.facts["signal"]["tells_apart"])

    @property
    def noise(self) -> float:
        """Below which a difference between two finalists' scores is chance."""
        several = self.finalists[self.finalists.score_n > 1]
        if several.empty:
            return float(CHANCE * self.facts["signal"]["seeds"])
        sd = pooled_sd(list(zip(several.score_sd, several.score_n, strict=True)))
        return float(CHANCE * sd / several.score_n.iloc[0] ** 0.5)

    @property
    def is_a_line(self) -> bool:
        """Whether the front can be drawn as a line of score over latency."""
        return self.tells_apart and self.options["minimise"] == ["latency"]

    @property
    def front_label(self) -> str:
        """What the picked models are."""
        return f"Pareto front ({self.kind})" if self.tells_apart else f"picked by scores that are noise ({self.kind})"

    @property
    def forced(self) -> str:
        """Why the run's latency table, taken by --force, does not fit its device; empty for any other run."""
        return str(self.facts.get("forced", ""))

    @property
    def latency_label(self) -> str:
        """What the latency axis says."""
        return "latency, ms" + ("; --force: a table that does not fit the device" if self.forced else "")


def load_run(folder: Path) -> RunData:
    """Read a finished run; raises InputError for a folder that is not one."""
    for name in ("run.json", "trials.csv", "pareto.csv", "rows.csv"):
        if not (folder / name).is_file():
            mend = "finish the search with --resume" if (folder / "run.json").is_file() else "give a run's directory"
            raise InputError(f"{folder}: has no {name}; {mend}")
    facts = facts_of(RunRecord.load(folder))
    if not isinstance(facts, dict) or facts.get("status") != "finished" or not facts.keys() >= NEEDED:
        raise InputError(f"{folder}: not a finished run of this release; finish the search with --resume")
    trials, front, rows = (_table(folder / f"{name}.csv") for name in ("trials", "pareto", "rows"))
    yamls = {str(n): (folder / y).read_text(encoding="utf-8") for n, y in zip(front.name, front.yaml, strict=True)}
    return RunData(folder, facts, trials, front, rows, yamls)


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype={"name": str})
    except ValueError as error:  # pandas' parser errors are ValueErrors
        mend = "the search's command with --resume writes it anew"
        raise InputError(f"{path}: damaged: {' '.join(str(error).split())}; {mend}") from None
