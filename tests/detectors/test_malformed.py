"""Malformed rows of model YAMLs: each is refused by row and module in our words, or builds."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
import yaml

from nas.detectors.dialects import REFUSED
from nas.detectors.yaml_files import from_content
from nas.errors import ModelError
from nas.operators.registry import OPERATORS

GOOD = """
nc: 3
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, C2f, [32, True]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [[-1], 1, Concat, [1]]
head:
  - [[3, 4], 1, Detect, [nc]]
"""
SOURCES = [None, "x", [], [None], 99, -99, [99], {}, 1.5, True, [[1]], [0, 1], 5, [-1, "a"], [-1], -1]
REPEATS = [None, 0, -1, "2", 1.5, True, [1], 3]
MODULES = [None, 3, "", "Foo", "nn.Foo", "nn", "__import__('os')", "__import__('nas', fromlist=['x']).x", [], *REFUSED]
NUMBERS = [0, -1, 1, 2, 3, 16, 1000, 1.5, -0.5, float("nan"), float("inf"), True, None, "x", "nc", "c2", "anchors"]
WORDS = ["[", "(1", "None", "1e", "{1: 2}", "nn.ReLU()", "1" * 60, [], {}, [[]], [1, 2, 3], [3, "x"], [[1, 2], [3]]]
PYTHON = re.compile(
    r"NoneType|object is not|positional argument|unsupported operand|not subscriptable|to unpack|must be real number|"
    r"has no attribute|invalid literal|not supported between|index out of range|missing \d|unhashable|"
    r"'tuple'|'str'|'int'|Expected|expected weight|RuntimeError|int\(\)|float\(\)|division|Traceback|<class"
)


def args(rng: random.Random) -> Any:
    """Arguments of a row: mostly a list of numbers, words and lists, of any length."""
    if rng.random() < 0.1:
        return rng.choice([None, "x", 5, {}, True])
    drawn = [
        rng.choice(NUMBERS if rng.random() < 0.7 else WORDS) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 6, 9, 14]))
    ]
    return [rng.choice([16, 32, 64]), *drawn] if rng.random() < 0.6 else drawn


def rows(count: int) -> list[tuple[int, list[Any]]]:
    """Numbers and contents of rows of which one field, or more, is drawn."""
    rng, found = random.Random(7), []
    while len(found) < count:
        index = rng.choice([0, 2, 4, 5])
        content = yaml.safe_load(GOOD)
        row = [*content["backbone"], *content["head"]][index]
        field = rng.randrange(6)
        if field == 0:
            row[0] = rng.choice(SOURCES)
        elif field == 1:
            row[1] = rng.choice(REPEATS)
        elif field == 2:
            row[2] = rng.choice(MODULES)
        else:
            row[2] = rng.choice(list(OPERATORS)) if field > 3 else row[2]
            row[0] = [-1] if row[2] in OPERATORS and OPERATORS[row[2]].many else -1
            row[3] = args(rng)
        found.append((index, row if rng.random() < 0.97 else row[: rng.randrange(4)]))
    return found


def refusal_of(index: int, row: list[Any]) -> ModelError | None:
    """The error of a file with this row; None if its network builds."""
    content = yaml.safe_load(GOOD)
    part, place = ("backbone", index) if index < 5 else ("head", 0)
    content[part][place] = row
    try:
        detector = from_content(content, None, "", lambda text: None)
        if detector.cost(256).params < 100_000:
            detector.network()
    except ModelError as error:
        return error
    return None


def test_malformed_rows_are_refused_in_our_words() -> None:
    refused = 0
    for index, row in rows(600):
        if error := refusal_of(index, row):
            refused += 1
            named = len(row) == 4 and isinstance(row[2], str) and row[2] != ""
            assert re.match(r"row \d+ \(" if named else r"row \d+", error.field), (row, str(error))
            assert not PYTHON.search(error.problem.replace(repr(row), "")), (row, str(error))
            assert "\n" not in str(error)
    assert 300 < refused < 600


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"nc": "x"}, "nc"),
        ({"backbone": None}, "backbone, head"),
        ({"head": []}, "row 4 (Concat)"),
        ({"backbone": {}, "head": {}}, "backbone, head"),
        ({"scales": {"n": "x"}}, "scales.n"),
        ({"scales": [1]}, "scales"),
        ({"reg_max": "x"}, "reg_max"),
        ({"activation": "nn.ReLU"}, "activation"),
        ({"activation": 3}, "activation"),
        ({"activation": "__import__('os').system('x')"}, "activation"),
        ({"depth_multiple": "x"}, "depth_multiple"),
        ({"width_multiple": 0}, "width_multiple"),
        ({"channel_multiple": "8"}, "channel_multiple"),
        ({"ch": 1}, "ch"),
    ],
)
def test_malformed_keys_are_refused_by_name(keys: dict[str, Any], field: str) -> None:
    with pytest.raises(ModelError) as caught:
        from_content(yaml.safe_load(GOOD) | keys, None, "", lambda text: None)
    assert caught.value.field == field
