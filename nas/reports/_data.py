"""What a run found, as figures before they are drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nas.errors import InputError


@dataclass(frozen=True)
class RunData:
    """run.json as ``facts``, trials.csv, pareto.csv, and the YAML text of each Pareto model by name."""

    folder: Path
    facts: dict[str, Any]
    trials: pd.DataFrame
    pareto: pd.DataFrame
    yamls: dict[str, str]

    @property
    def trained(self) -> pd.DataFrame:
        """The candidates that were trained, repeats aside."""
        return self.trials[self.trials.state == "trained"]

    @property
    def stock(self) -> dict[str, Any]:
        """The stock model as measured: the columns of pareto.csv."""
        stock: dict[str, Any] = self.facts["stock"]
        return stock

    @property
    def signal(self) -> str:
        """What the run says of its own scores."""
        return str(self.facts["signal"]["text"])


def load_run(folder: Path) -> RunData:
    """Read a finished run; raises InputError for a folder that is not one."""
    for name in ("run.json", "trials.csv", "pareto.csv"):
        if not (folder / name).is_file():
            mend = "finish the search with --resume" if (folder / "run.json").is_file() else "give a run's directory"
            raise InputError(f"{folder}: has no {name}; {mend}")
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    front = pd.read_csv(folder / "pareto.csv", dtype={"name": str})
    yamls = {str(n): (folder / y).read_text(encoding="utf-8") for n, y in zip(front.name, front.yaml, strict=True)}
    return RunData(folder, facts, pd.read_csv(folder / "trials.csv"), front, yamls)
