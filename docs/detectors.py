"""Write the tables of docs/detectors.md: python docs/detectors.py.

It reads, costs and exports every detection YAML that the installed Ultralytics ships.
tests/integrations/test_detectors_page.py compares the page with the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from nas.detectors.dialects import REFUSED  # noqa: E402  the line before finds it
from nas.detectors.rows import Detector  # noqa: E402
from nas.detectors.yaml_files import from_yaml  # noqa: E402
from nas.operators.base import KeepingOperator  # noqa: E402
from nas.operators.registry import OPERATORS  # noqa: E402
from tests.integrations.detection_yamls import shipped  # noqa: E402

PAGE = ROOT / "docs" / "detectors.md"


def exported(detector: Detector) -> bool:
    """Export a detector at its smallest image size; the export compares the file with torch."""
    from nas.runs.onnx_file import onnx_file

    return bool(onnx_file(detector, detector.network(seed=0), detector.multiple))


def tables(export: Callable[[Detector], bool] = exported) -> dict[str, str]:
    """The tables by their names in the page.

    Args:
        export: Returns True if a detector can be exported.
    """
    return {"yamls": _yamls(export), "rows": _rows(), "refused": _refused()}


def filled(page: str, tables: dict[str, str]) -> str:
    """The page with its tables replaced."""
    for name, table in tables.items():
        block = re.compile(f"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
        page = block.sub(lambda _, text=f"<!-- {name} -->\n\n{table}\n\n<!-- end -->": text, page)  # type: ignore[misc]
    return page


def _yamls(export: Callable[[Detector], bool]) -> str:
    lines = [
        "| YAML | strides | parameters | MACs at 640 px | read and costed | exported |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for path, _ in shipped():
        detector = from_yaml(path, notify=lambda text: None)
        cost = detector.cost(640)
        strides = ", ".join(map(str, detector.strides))
        done = "yes" if export(detector) else "no"
        lines.append(f"| {path.name} | {strides} | {cost.params:,} | {cost.macs / 1e9:.2f} G | yes | {done} |")
    return "\n".join(lines)


def _rows() -> str:
    names = [name for name, operator in OPERATORS.items() if not isinstance(operator, KeepingOperator)]
    return ", ".join(f"`{name}`" for name in names)


def _refused() -> str:
    lines = ["| module | reason |", "| --- | --- |"]
    reasons: dict[str, list[str]] = {}
    for module, reason in REFUSED.items():
        reasons.setdefault(reason, []).append(f"`{module}`")
    return "\n".join([*lines, *(f"| {', '.join(modules)} | {reason} |" for reason, modules in reasons.items())])


if __name__ == "__main__":
    new = tables()  # takes minutes, in which the page may be edited
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), new), encoding="utf-8")
