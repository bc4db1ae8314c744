"""``nas COMMAND``: the same as ``python -m nas.COMMAND``."""

from __future__ import annotations

import runpy
import sys

COMMANDS = {
    "search": "find Pareto-optimal detectors for a device",
    "latency": "build, check, read and carry the latency table of a device",
    "report": "rebuild the report of a run",
    "dashboard": "look at the study of a run in a browser",
    "export": "write what was found as the YAML of a trainer, or as an ONNX file",
    "profile": "what every row of a model YAML costs",
    "worker": "lend this machine to searches, as part of a cluster",
    "scheduler": "start what workers and searches of a cluster meet at",
    "train": "train a model YAML with Ultralytics, our operators registered",
}


def main() -> None:
    """Run the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        width = max(map(len, COMMANDS))
        lines = [f"  {command:<{width}}  {what}" for command, what in COMMANDS.items()]
        print("\n".join(["usage: nas COMMAND [options]", "", *lines, "", "nas COMMAND --help tells its options."]))
        sys.exit(0 if name in {"-h", "--help"} else 2)
    sys.argv = [f"nas {name}", *sys.argv[2:]]
    runpy.run_module(f"nas.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
