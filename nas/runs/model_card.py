"""Model card: a Markdown file beside a model, with the metadata that Hugging Face reads.

A card holds measured figures only. A figure that nobody measured is named as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

OURS, ULTRALYTICS = "apache-2.0", "agpl-3.0"
"""Licenses by the identifiers of Hugging Face."""
MISSING = "missing"
"""Stands for a figure that was not measured."""
UNTRAINED_LICENSE = (
    "The architecture and this file come from ParetoYOLO (Apache-2.0). There are no weights. A trainer may put its own "
    "license on the weights that it makes: Ultralytics and YOLOv5 use AGPL-3.0, YOLOv9 uses GPL-3.0."
)
TRAINED_LICENSE = (
    "The weights were trained with Ultralytics, which is licensed under AGPL-3.0 and asks for that license, or its "
    "Enterprise License, for models that it trains. The architecture and the operators come from ParetoYOLO "
    "(Apache-2.0). Your data has its own license."
)
INHERITED_LICENSE = (
    "The weights were made from {source} by ParetoYOLO, and the license of those weights holds for them too: "
    "Ultralytics asks for AGPL-3.0, or its Enterprise License, for models that its trainer makes. The architecture and "
    "the operators come from ParetoYOLO (Apache-2.0). Your data has its own license."
)
_PIPE = str.maketrans({"|": "\\|", "\n": " "})


class Fact(NamedTuple):
    """A figure of a model.

    Attributes:
        figure: Its name.
        value: Its value with unit and spread; `MISSING` if nobody measured it.
        source: How it was obtained, or how to obtain it.
    """

    figure: str
    value: str
    source: str


class Metric(NamedTuple):
    """A measured figure in the metadata.

    Attributes:
        type: Its identifier, such as ``mAP50-95``.
        value: Its value.
        name: Its name in words, which says what was measured.
    """

    type: str
    value: float
    name: str


@dataclass(frozen=True)
class ModelCard:
    """Content of a model card.

    Attributes:
        name: Name of the model.
        lead: The first sentences: what the model is.
        arch: Its architecture string, where it has one.
        facts: Its figures.
        meaning: Sentences on the meaning of the score.
        commands: Commands by their purpose.
        limits: Sentences on what the figures do not show.
        origin: Versions, seeds and hashes by name.
        data: Name of the data set; empty if there is none.
        metrics: Figures of the metadata.
        trained: True if Ultralytics trained the model.
        inherited: Name of the checkpoint that its weights were made from; empty if there is none.
        tags: Tags beside the common ones.
    """

    name: str
    lead: str
    arch: str = ""
    facts: tuple[Fact, ...] = ()
    meaning: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    metrics: tuple[Metric, ...] = ()
    trained: bool = False
    inherited: str = ""
    tags: tuple[str, ...] = ()

    def metadata(self) -> dict[str, Any]:
        """The fields that Hugging Face reads."""
        found: dict[str, Any] = {
            "license": ULTRALYTICS if self.trained or self.inherited else OURS,
            "library_name": "ultralytics",
            "pipeline_tag": "object-detection",
            "tags": ["object-detection", "yolo", "pareto-yolo", "neural-architecture-search", *self.tags],
        }
        if self.data:
            found["datasets"] = [self.data]
        if self.metrics:
            found["metrics"] = list(dict.fromkeys(metric.type for metric in self.metrics))
            results = {
                "task": {"type": "object-detection"},
                "dataset": {"name": self.data or "unknown", "type": self.data or "unknown"},
                "metrics": [metric._asdict() for metric in self.metrics],
            }
            found["model-index"] = [{"name": self.name, "results": [results]}]
        return found

    def markdown(self) -> str:
        """The text of the card."""
        head = yaml.safe_dump(self.metadata(), sort_keys=False, allow_unicode=True, width=120)
        parts = [f"---\n{head}---", f"# {self.name}", self.lead]
        if self.arch:
            parts += ["## Architecture", f"`{self.arch}`"]
        rows = ((fact.figure, fact.value, fact.source) for fact in self.facts)
        parts += ["## Figures", _table(("figure", "value", "source"), rows), *self.meaning]
        if self.commands:
            blocks = (f"{title}:\n\n```sh\n{command}\n```" for title, command in self.commands.items())
            parts += ["## Use", *blocks]
        if self.limits:
            parts += ["## Limits", "\n".join(f"* {line}" for line in self.limits)]
        if self.origin:
            parts += ["## Origin", _table(("item", "value"), self.origin.items())]
        parts += ["## License", self._license()]
        return "\n\n".join(parts) + "\n"

    def _license(self) -> str:
        """The licenses of the files, in words."""
        if self.inherited and not self.trained:
            return INHERITED_LICENSE.format(source=self.inherited)
        return TRAINED_LICENSE if self.trained else UNTRAINED_LICENSE


def card_path(model: Path) -> Path:
    """The card of a model file: the file of the same name that ends in ``.md``."""
    return model.with_suffix(".md")


def data_name(data: str) -> str:
    """A short name of a data set: the folder of its data.yaml."""
    if data in {"", "shapes"}:
        return data
    path = Path(data)
    return path.parent.name or path.stem


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    found = [tuple(headings)]
    found += [("---",) * len(found[0]), *(tuple(cell.translate(_PIPE) for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in found)
