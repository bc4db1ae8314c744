"""Options of a search: declared once, validated, compared."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from nas import cli
from nas.config import GROUPS, STORED, SamplerName, SearchConfig, WorkerCount, spec_of
from nas.errors import ConfigError, NasError
from nas.search.__main__ import main
from nas.search.samplers import SAMPLERS


def test_every_option_has_help_and_a_group() -> None:
    for name, field in SearchConfig.model_fields.items():
        assert field.description and field.description.rstrip().endswith("."), name
        assert spec_of(field).group in GROUPS, name


def test_the_command_has_the_fields_as_parameters_and_no_defaults_of_its_own() -> None:
    parameters = inspect.signature(main).parameters
    assert list(parameters) == [*SearchConfig.model_fields, "config_file", "dry_run", "as_json"]
    assert all(not parameter.default for parameter in parameters.values())
    assert all(parameters[name].default is None for name in SearchConfig.model_fields)


def test_only_given_options_reach_the_command() -> None:
    found: list[Any] = []

    @cli.with_config
    def command(given: dict[str, Any], name: str = "x") -> None:
        found.extend((given, name))

    nothing = dict.fromkeys(SearchConfig.model_fields)
    command(**{**nothing, "cache": False, "budget": 0, "start": []}, name="y")
    assert found == [{"cache": False, "budget": 0, "start": []}, "y"]


def test_samplers_are_those_of_the_registry() -> None:
    assert set(get_args(SamplerName)) == set(SAMPLERS)


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"budget": 0}, "budget", 0),
        ({"budget": "few"}, "budget", "few"),
        ({"seed": -1}, "seed", -1),
        ({"threads": 0}, "threads", 0),
        ({"imgsz": 100}, "imgsz", 100),
        ({"imgsz": (64, 0)}, "imgsz", 0),
        ({"imgsz": ()}, "imgsz", ()),
        ({"proxy_imgsz": 100}, "proxy_imgsz", 100),
        ({"proxy_imgsz": 0}, "proxy_imgsz", 0),
        ({"proxy_imgsz": "large"}, "proxy_imgsz", "large"),
        ({"sampler": "oracle"}, "sampler", "oracle"),
        ({"proxy": "oracle"}, "proxy", "oracle"),
        ({"rungs": 4}, "rungs", 4),
        ({"rungs": 0}, "rungs", 0),
        ({"time_limit": 0}, "time_limit", 0),
        ({"candidate_limit": -1}, "candidate_limit", -1),
        ({"max_latency": -1.0}, "max_latency", -1.0),
        ({"max_latency": float("inf")}, "max_latency", float("inf")),
        ({"max_size": 0}, "max_size", 0),
        ({"minimize": "size"}, "minimize", "size"),
        ({"minimize": "latency,size,size"}, "minimize", "latency,size,size"),
        ({"workers": -1}, "workers", "-1"),
        ({"workers": "here"}, "workers", "here"),
        ({"workers": ""}, "workers", ""),
        ({"train_device": "abacus"}, "train_device", "abacus"),
        ({"resume": True}, "resume", None),
        ({"resume": True, "rebuild_table": True, "out": "x"}, "rebuild_table", None),
        ({"bugdet": 3}, "bugdet", None),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], field: str, value: object) -> None:
    for make in (lambda: SearchConfig(**options), lambda: SearchConfig().updated(options)):
        with pytest.raises(ConfigError) as refused:
            make()
        assert refused.value.field == field
        assert value is None or refused.value.value == value
        assert "\n" not in str(refused.value)


def test_options_are_parsed() -> None:
    config = SearchConfig(imgsz=[320, 64, 320], minimize="latency,size", workers=2, out="x")
    assert (config.imgsz, config.minimize, config.workers) == ((320, 64), ("latency", "size"), "2")
    assert config.limits.names == []
    assert SearchConfig(max_latency=4, max_size=9).limits.names == ["latency", "size"]
    for text, parsed in {
        "0": (0, ""),
        "3": (3, ""),
        "tcp://a:1": (0, "tcp://a:1"),
        "2@tcp://a:1": (2, "tcp://a:1"),
    }.items():
        assert SearchConfig(workers=text).worker_count == WorkerCount(*parsed)


def test_a_config_cannot_be_changed_but_copied() -> None:
    config = SearchConfig(budget=3, seed=5)
    with pytest.raises((ValidationError, NasError)):
        config.budget = 4  # type: ignore[misc]
    other = config.updated({"budget": 4})
    assert (config.budget, other.budget, other.seed) == (3, 4, 5)


def test_the_identity_leaves_out_what_a_resumed_run_may_change() -> None:
    before = SearchConfig(budget=3, workers=2).identity()
    changes: dict[str, Any] = {
        "budget": 4, "table": "t.csv", "time_limit": 2, "candidate_limit": 1, "cache": False,
        "storage": "s", "out": "o", "resume": True, "workers": "2@tcp://a:1", "force": True,
    }  # fmt: skip
    assert SearchConfig(**changes).identity() == before
    inherit = {"proxy": "inherit", "workers": 2}
    assert SearchConfig(pretrained="w.pt", **inherit).identity() == SearchConfig(**inherit).identity()
    assert SearchConfig(workers=2, seed=1).identity() != before


def test_a_config_survives_json() -> None:
    config = SearchConfig(imgsz=(64, 96), start=("a",), minimize=("latency", "size"), out="x", workers=2, max_latency=4)
    assert SearchConfig(**config.model_dump(mode="json")) == config


def test_pretrained_weights_choose_the_proxy() -> None:
    assert SearchConfig().proxy == "short"
    assert SearchConfig(pretrained="best.pt").proxy == "supernet"
    assert SearchConfig(supernet="runs/first").proxy == "supernet"
    assert SearchConfig(pretrained="best.pt", proxy="inherit").proxy == "inherit"
    assert SearchConfig(pretrained="best.pt").updated({"budget": 3}).proxy == "supernet"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"pretrained": "best.pt", "proxy": "short"}, "pretrained"),
        ({"supernet": "run", "proxy": "short"}, "supernet"),
        ({"supernet": "run", "pretrained": "best.pt"}, "supernet"),
        ({"pretrained": "best.pt", "rungs": 2}, "rungs"),
        ({"pretrained": "best.pt", "proxy_imgsz": 64}, "proxy_imgsz"),
        ({"pretrained": "best.pt", "proxy": "distill", "steps": 4}, "steps"),
        ({"weights": "w.pt"}, "weights"),
    ],
)
def test_options_of_pretrained_weights(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SearchConfig(**options)
    assert caught.value.field == field


def test_a_run_that_was_made_with_weights_opens() -> None:
    stored = SearchConfig.model_validate({"weights": "w.pt", "proxy": "inherit"}, context=STORED)
    assert stored.pretrained == Path("w.pt")
    assert SearchConfig.model_validate({"weights": None, "proxy": "short"}, context=STORED).pretrained is None
