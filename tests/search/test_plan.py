"""Plan of a search: options that name models."""

from __future__ import annotations

import pytest

from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError
from nas.search.plan import _member
from nas.spaces.architecture import stock
from nas.spaces.space import load_space


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("nope.yaml", "give the path of a model YAML"),
        (str(stock(TEMPLATES["yolo11n"])), "widen the space, or drop it"),
    ],
)
def test_a_start_is_refused_with_the_advice_that_helps(name: str, advice: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _member(load_space("tiny"), name, (64,), 3)
    assert refused.value.field == "start"
    assert str(refused.value).endswith(f"; {advice}")
