"""``import``: import the results of a measuring kit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas import cli
from nas.errors import TableError
from nas.latency.commands.output import calibration_line, print_json, show_card, terminal

if TYPE_CHECKING:
    from nas.latency.kit_results import KitResults
    from nas.latency.report_card import ReportCard
    from nas.terminal import Terminal


def take_kit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit's folder, copied back from the device.")],
    run: Annotated[
        Path | None, typer.Option(help="The run of the kit, if it moved.", show_default="the folder of the run")
    ] = None,
    as_json: cli.Json = False,
) -> None:
    """Import the results of a measuring kit into its device's table, or into the run that it was made for."""
    from nas.latency.kit_results import import_kit

    with terminal(as_json) as display:
        results = import_kit(folder)
        card = None
        if "run" in results.note:
            _import_run(results, run, display)
        else:
            card = _import_table(results, folder, display, as_json)
        if results.noise.too_much:
            device = results.table.fingerprint["device"]
            display.say(f"warning: {device} was too noisy while it measured: {results.noise}")
        if as_json:
            print_json(_kit_facts(results, card))


def _import_run(results: KitResults, run: Path | None, display: Terminal) -> None:
    """Write measured finalists into their run, and its report anew."""
    from nas.reports.study_summary import write_study
    from nas.reports.writing import write_report
    from nas.runs.offline_finalists import import_finalists

    folder = import_finalists(results, run)
    write_report(folder)
    write_study(folder)
    device = results.table.fingerprint["device"]
    display.say(f"{folder / 'pareto.csv'} and {folder / 'report.html'}: measured on {device}")


def _import_table(results: KitResults, folder: Path, display: Terminal, as_json: bool) -> ReportCard | None:
    """Show what a kit added to its table, and make the report card if the kit is complete."""
    from nas.latency.hints import kit_hint
    from nas.latency.space_kit import card_of_kit
    from nas.reports.report_card import write_card

    table, imgsz = results.table, results.imgsz
    if not len(table):
        held = table.fingerprint
        problem = (
            f"contains only complete models, because a table of {held['device']} had all rows; there is none for "
            f"{held['runtime']} {held['version']}: was the runtime changed there, or the table removed?"
        )
        hint = kit_hint(held, "--imgsz", str(imgsz), "--rebuild")
        raise TableError(problem, file=folder, hint=hint)
    display.say(f"{table.path}: {len(table)} entries")
    if table.calibrated(imgsz):
        display.say(calibration_line(table, imgsz))
    if results.lacking:
        display.say(f"not measured yet: {results.lacking}; run measure.py there again, then this command")
    elif "space" in results.note:
        card = card_of_kit(results)
        show_card(card, display, as_json)
        display.say(f"report card in {write_card(table, card)}")
        return card
    else:
        for model, turns in results.models:
            ms = " and ".join(f"{turn.ms:.3f} ± {turn.spread_ms:.3f}" for turn in turns)
            display.say(f"{model.name}: {ms} ms, measured {len(turns)} time(s)")
    return None


def _kit_facts(results: KitResults, card: ReportCard | None) -> dict[str, Any]:
    return {
        "table": str(results.table.path),
        "entries": len(results.table),
        "lacking": results.lacking,
        "noise": results.noise._asdict(),
        "models": [
            {"model": m.model.name, "measured": [turn._asdict() for turn in m.measured]} for m in results.models
        ],
        "card": card and card.facts(),
    }
