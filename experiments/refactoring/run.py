"""The same seed gives the same trials and front before and after the refactoring. See README.md.

    python experiments/refactoring/run.py [tiny] [default] [yolobench] [--yolobench ../shared/data/yolobench]

Runs the searches, writes results/after/*.csv, compares them with results/before/*.csv cell by cell, and writes
results/comparison.md. ``--compare`` only compares what is there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from searches import CONFIGS, reduced, replayed, run_config
from tables import Table, differences

RESULTS = Path(__file__).parent / "results"
NAMES = (*CONFIGS, "yolobench")
PARTS = ("trials", "front")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"searches to run: {', '.join(NAMES)}; all by default")
    parser.add_argument("--yolobench", type=Path, default=Path("../shared/data/yolobench"), help="YOLOBench's tables")
    parser.add_argument("--compare", action="store_true", help="compare the results that are there")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such search: {', '.join(sorted(unknown))}; known are {', '.join(NAMES)}")
    for name in [] if options.compare else options.names or NAMES:
        tables = reduced(run_config(CONFIGS[name])) if name in CONFIGS else replayed(options.yolobench)
        for part, table in zip(PARTS, tables, strict=True):
            table.write(RESULTS / "after" / f"{name}-{part}.csv")
    compare()


def compare() -> None:
    """Compare all results, and write the page."""
    lines = ["| search | part | rows before | rows after | rows that differ |", "| --- | --- | --- | --- | --- |"]
    details: list[str] = []
    for name in NAMES:
        for part in PARTS:
            before, after = (RESULTS / when / f"{name}-{part}.csv" for when in ("before", "after"))
            if after.exists():
                one, other = Table.read(before), Table.read(after)
                found = differences(one, other)
                lines.append(f"| {name} | {part} | {len(one.rows)} | {len(other.rows)} | {len(found)} |")
                details += [f"* {name} {part}, {line}" for line in found]
    page = "\n".join([*lines, "", *(details or ["No cell differs."])]) + "\n"
    (RESULTS / "comparison.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
