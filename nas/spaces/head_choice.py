"""Choice of a detection head, relative to the head that Ultralytics builds behind the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2

from nas.detectors.rows import Detector, Row, row_field
from nas.detectors.templates import Template
from nas.errors import ModelError
from nas.operators.detect import DEPTH, hidden_widths
from nas.operators.family import Number

HEAD = "head"
"""Name of the part in architecture strings, space files and trials."""
SHARES = (0.125, 2)
"""Smallest and largest width of a branch over the stock width."""
DEPTHS = (1, 4)
"""Smallest and largest depth of the branches."""
MODULE = "SlimDetect"


@dataclass(frozen=True)
class HeadChoice:
    """A head with the branches of `Detect`.

    Attributes:
        box: Channels inside the box branches, over those of `Detect` behind the same rows.
        classes: The same of the class branches.
        depth: 3x3 convolutions of each branch.
        depthwise: Those of the class branches are depthwise, each followed by a 1x1.
    """

    box: Number = 1
    classes: Number = 1
    depth: int = DEPTH
    depthwise: bool = False

    def __str__(self) -> str:
        return f"{self.kind}_b{self.box}_c{self.classes}_n{self.depth}"

    @property
    def kind(self) -> str:
        """The 3x3 convolutions of the class branches in one word."""
        return "depthwise" if self.depthwise else "dense"

    def named(self) -> dict[str, Number]:
        """The choices by their names in a space file, where ``depthwise`` is 0 or 1."""
        return {"box": self.box, "class": self.classes, "depth": self.depth, "depthwise": int(self.depthwise)}

    def features(self, stock: HeadChoice) -> dict[str, float]:
        """All choices as numbers for a surrogate model; all are 0 for the stock head."""
        return {
            f"{HEAD}.box": log2(self.box),
            f"{HEAD}.class": log2(self.classes),
            f"{HEAD}.depth": log2(self.depth / stock.depth),
            f"{HEAD}.depthwise": float(self.depthwise) - float(stock.depthwise),
        }

    def applied(self, detector: Detector) -> Detector:
        """A detector that ends in `Detect`, with this head in its place.

        Args:
            detector: The detector. Its head reads first a row whose first argument is its channels.
        """
        *rows, head = detector.rows
        args = self._args(detector.nc, rows[head.source[0]].args[0])
        return replace(detector, rows=(*rows, Row(head.source, 1, MODULE, args)))

    def _args(self, nc: int, first: int) -> tuple[int | bool, ...]:
        box, classes = hidden_widths(nc, first)
        return nc, _width(self.box, box), _width(self.classes, classes), self.depth, self.depthwise


def stock_head(template: Template) -> HeadChoice | None:
    """The head of a template's stock model; None if the head is not `Detect`, so that no other can be chosen."""
    module, args = template.head
    return HeadChoice(depthwise=args == (False,)) if module == "Detect" else None


def recognized_head(detector: Detector, template: Template) -> HeadChoice | None:
    """The head of a detector; None if it is the template's own, in whatever form a trainer has it.

    Args:
        detector: The rows, those of a member but for the head.
        template: The template of the member.

    Raises:
        ModelError: No choice gives these widths.
    """
    head = detector.rows[-1]
    if head.module != MODULE:
        return None
    field = row_field(len(detector.rows) - 1, MODULE)
    if stock_head(template) is None:
        raise ModelError(f"the template {template.name} cannot have {MODULE}", field=field)
    _, box, classes, depth, depthwise = head.args
    stock = hidden_widths(detector.nc, detector.rows[head.source[0]].args[0])
    box_share, class_share = (_share(width, own) for width, own in zip((box, classes), stock, strict=True))
    if box_share is None or class_share is None or not DEPTHS[0] <= depth <= DEPTHS[1]:
        problem = f"{MODULE} {list(head.args)} is no head that a space can have"
        hint = f"widths may be eighths of the stock head's {stock[0]} and {stock[1]}, rounded to multiples of 8"
        raise ModelError(problem, field=field, hint=hint)
    return HeadChoice(box_share, class_share, depth, depthwise)


def _width(share: Number, stock: int) -> int:
    """Channels for a share of the stock width, rounded to a multiple of 8 unless it is the stock width itself."""
    return stock if share == 1 else max(8, round(share * stock / 8) * 8)


def _share(width: int, stock: int) -> Number | None:
    """The roundest share that gives a width."""
    for parts in (1, 2, 4, 8):
        for count in range(1, 2 * parts + 1):
            share = count // parts if count % parts == 0 else count / parts
            if _width(share, stock) == width:
                return share
    return None
