"""The slider of the report: a latency budget chooses a model by the rule of `nas.runs.run.Run.pick`.

The page holds the choice for the latency of every model of the front. Between two of them the choice is the same.
"""

from __future__ import annotations

import json
import math
import shlex
from typing import TYPE_CHECKING, NamedTuple

from nas.reports.picked import picked_commands, picked_figures, picked_notes
from nas.reports.run_data import RunData

if TYPE_CHECKING:
    from markupsafe import Markup

_STEPS = 100
"""The slider has at least this many steps."""


class Choice(NamedTuple):
    """The model that is chosen from a latency budget on.

    Attributes:
        budget: The lowest budget in ms that chooses it.
        name: The model's name.
        label: Its name with a mark at the stock model.
        reason: The reason for it.
        figures: Its figures by name.
        commands: The next commands by their purpose.
        notes: Reservations about it.
    """

    budget: float
    name: str
    label: str
    reason: str
    figures: dict[str, str]
    commands: dict[str, str]
    notes: str


class Picker(NamedTuple):
    """Content of the slider.

    Attributes:
        least: The lowest budget of the slider in ms.
        most: The highest one.
        step: Distance between two positions.
        budget: The budget at first.
        choices: Choices by rising budget.
        command: The command that chooses in the same way; the budget follows.
    """

    least: float
    most: float
    step: float
    budget: float
    choices: list[Choice]
    command: str

    def chosen(self, budget: float) -> Choice | None:
        """The choice for a budget; None if no model is so fast. The page does the same."""
        return next((choice for choice in reversed(self.choices) if choice.budget <= budget), None)

    @property
    def data(self) -> Markup:
        """Choices and command as JSON for a script element."""
        from markupsafe import Markup

        content = {"choices": [choice._asdict() for choice in self.choices], "command": self.command}
        return Markup(json.dumps(content).replace("<", "\\u003c"))


def picker(data: RunData) -> Picker | None:
    """The slider of a run; None if its front is empty."""
    front = data.run.front
    if not front:
        return None
    budgets = sorted({model.latency for model in front})
    step = 10.0 ** math.floor(math.log10(max(budgets[-1] - budgets[0], budgets[-1] / 10) / _STEPS))
    least, most = _rounded(budgets[0] - 3 * step, step), _rounded(budgets[-1] + 3 * step, step)
    limit = data.config.max_latency
    budget = most if limit is None else min(most, max(least, limit))
    command = shlex.join(["python", "-m", "nas.pick", str(data.folder), "--max-latency"])
    return Picker(max(step, least), most, step, budget, [_choice(data, budget) for budget in budgets], command)


def _choice(data: RunData, budget: float) -> Choice:
    model, _ = data.run.pick(max_latency=budget)
    count = sum(other.latency <= budget for other in data.run.front)
    which = f"{count} models" if count > 1 else "1 model"
    if data.tells_apart:
        reason = (
            f"the most accurate of the {which} within the limit" if count > 1 else "the one model within the budget"
        )
    else:
        reason = f"the fastest of the {which} within the limit, since {data.result.score_noise.verdict}"
    figures, commands = picked_figures(data.run, model), picked_commands(data.run, model)
    notes = " ".join(picked_notes(data.run, model, budget))
    return Choice(budget, model.name, model.label, reason, figures, commands, notes)


def _rounded(value: float, step: float) -> float:
    """A multiple of a power of ten, without the digits that binary fractions add."""
    return round(round(value / step) * step, max(0, -math.floor(math.log10(step))))
