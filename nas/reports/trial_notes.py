"""Notes of trials in the study, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nas.detectors.costs import row_cost
from nas.objectives.costs import COSTS
from nas.objectives.target import Target
from nas.operators.base import total
from nas.plurals import counted
from nas.reports.markdown import markdown_table, millions
from nas.runs.finalists import Finalist
from nas.runs.row_costs import part_names
from nas.spaces.architecture import Architecture
from nas.spaces.head_choice import HEAD

STAGES = "| stage |"
"""Begin of the table in a trial's note."""
_HEADINGS = ("stage", "operator", ">depth", ">channels", ">params", ">MACs", ">ms", "in the stock model")


def trial_note(member: Architecture, stock: Architecture, target: Target, violations: Mapping[str, float]) -> str:
    """Note of a candidate: operators and costs stage by stage, in comparison with the stock model.

    Args:
        member: The candidate.
        stock: The stock model.
        target: The deployment target.
        violations: By name of a limit, cost / limit - 1.
    """
    costs, stock_costs = target.costs(member), target.costs(stock)
    text = markdown_table(_HEADINGS, _stage_lines(member, stock, target, costs))
    if member != stock:
        shares = (f"{COSTS[name].heading} {costs[name] / stock_costs[name] - 1:+.1%}" for name in COSTS)
        text += f"\nIn comparison with the stock model: {', '.join(shares)}.\n"
    if violations:
        shares = (f"{name} {abs(share):.1%} {'over' if share > 0 else 'under'}" for name, share in violations.items())
        text += f"\nLimits: {', '.join(shares)}.\n"
    return text


def _stage_lines(
    member: Architecture, stock: Architecture, target: Target, costs: Mapping[str, float]
) -> list[tuple[str, ...]]:
    detector, imgsz = target.detector(member), target.imgsz(member)
    rows, predicted = list(detector.resolve(imgsz)), target.table.predict(detector, imgsz)
    parts = part_names(member, detector)

    def figures(numbers: Sequence[int]) -> tuple[str, str, str]:
        params, macs, *_ = total(row_cost(rows[number]) for number in numbers)
        return f"{params:,}", millions(macs), f"{sum(predicted.rows[number] for number in numbers):.2f}"

    lines: list[tuple[str, ...]] = []
    for name, choice in member.spelled.items():
        numbers = [number for number, part in enumerate(parts) if part == name]
        in_stock = "same" if choice == stock.stages[name] else " ".join(str(stock.stages[name]).split("_"))
        operator = choice.operator.replace("_", " ")
        lines.append((name, operator, str(choice.depth), str(choice.channels), *figures(numbers), in_stock))
    named = set(member.spelled)
    if head := member.head:
        named.add(HEAD)
        own = " ".join(str(stock.any_head).split("_"))
        widths = f"{head.kind} b{head.box} c{head.classes}"
        lines.append((HEAD, widths, str(head.depth), "", *figures([len(parts) - 1]), own))
    rest = [number for number, part in enumerate(parts) if part not in named]
    others = "stem, neck" if head else "stem, neck, head"
    lines.append(("rest", "all others" if member.neck else others, "", "", *figures(rest), "same"))
    totals = f"{costs['params']:,.0f}", millions(costs["macs"]), f"{costs['latency']:.2f}"
    lines.append(("**all**", f"at {imgsz} px", "", "", *totals, ""))
    return lines


def finalist_note(finalist: Finalist, unit: str, pictures: Mapping[str, str]) -> str:
    """Note of a finalist: its place on the front, its score and its latency.

    Args:
        finalist: The finalist.
        unit: Unit of the score.
        pictures: Addresses of pictures by caption.
    """
    if finalist.rejected:
        place = f"It is not on the front: {finalist.rejected}"
    else:
        place = f"It is **{finalist.name}** on the front"
    measured = (
        f"measured {finalist.latency_ms:.2f} ± {finalist.latency_spread_ms:.2f} ms"
        if finalist.latency_ms is not None
        else "not measured"
    )
    sd = f" ± {finalist.score_sd:.4f}" if finalist.score_sd is not None else ""
    trainings = counted(finalist.score_n, "training")
    test = f"; on the test split {finalist.test_score:.4f}" if finalist.test_score is not None else ""
    ap = "" if finalist.ap is None else f"AP50-95 with trained weights: {finalist.ap:.4f}. "
    lines = [
        f"**Finalist.** {place}. {ap}{unit}: {finalist.score:.4f}{sd} ({trainings}){test}. "
        f"Latency: {measured}, predicted {finalist.latency_predicted_ms:.2f} ms.",
        *(f"\n![{caption}]({address})\n\n{caption}" for caption, address in pictures.items()),
    ]
    return "\n".join(lines) + "\n"
