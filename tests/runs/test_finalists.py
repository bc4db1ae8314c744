"""Finalists with trained weights: their front, pareto.csv and pareto/*.pt."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ConfigError
from nas.objectives.limits import Limits
from nas.runs.finalist_weights import stored_weights
from nas.runs.finalists import Finalist, Front, front_of, pareto_frame, write_front
from nas.spaces.space import load_space
from tests.runs.finalists import finalist

SPACE = load_space("tiny")
STOCK, SMALL = str(SPACE.stock()), str(SPACE.smallest())


def trained(run: Path, arch: str, ap: float, latency: float, **changes: object) -> Finalist:
    """A trained finalist, with its file."""
    path = run / stored_weights(arch)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(arch.encode())
    given = {"arch": arch, "ap": ap, "weights": stored_weights(arch), "stock": arch == STOCK}
    return finalist("", 1 - ap, latency, **given | changes)


def front(run: Path, small_ms: float = 10.0, **limits: float) -> Front:
    return front_of([trained(run, STOCK, 0.5, 20), trained(run, SMALL, 0.4, small_ms)], Limits(**limits))


def test_the_front_is_that_of_ap(tmp_path: Path) -> None:
    found = front(tmp_path)
    assert [model.ap for model in found.models] == [0.4, 0.5]  # by score the stock model would be dominated
    assert [model.weights for model in found.models] == [f"pareto/{model.name}.pt" for model in found.models]
    slower = front(tmp_path, small_ms=30).others[0]
    assert slower.rejected == "01-stock is no slower and its AP is 0.1000 higher"
    assert slower.weights == stored_weights(SMALL)


def test_a_finalist_without_ap_is_not_on_a_front_of_ap(tmp_path: Path) -> None:
    found = front_of([trained(tmp_path, STOCK, 0.5, 20), finalist("", 0.9, 10, arch=SMALL)], Limits())
    assert [model.arch for model in found.models] == [STOCK]
    assert found.others[0].rejected == "not trained, so its AP is not known"


def test_weights_stand_beside_the_yaml_and_follow_a_new_rank(tmp_path: Path) -> None:
    own = tmp_path / "pareto" / "mine.pt"
    own.parent.mkdir()
    own.write_bytes(b"")
    for small_ms in (10.0, 15.0, 30.0, 10.0):
        models = front(tmp_path, small_ms).models
        write_front(tmp_path, models, 3, "AP")
        assert {path.name for path in own.parent.glob("*.pt")} == {"mine.pt", *(f"{m.name}.pt" for m in models)}
        assert all((tmp_path / model.weights).read_bytes() == model.arch.encode() for model in models)
    header, first, *_ = (tmp_path / "pareto.csv").read_text().splitlines()
    assert header.endswith(",yaml,ap,weights")
    assert first.endswith(f".yaml,0.4,{models[0].weights}")


def test_missing_weights_are_refused_before_a_file_changes(tmp_path: Path) -> None:
    models = front(tmp_path).models
    write_front(tmp_path, models, 3, "AP")
    (tmp_path / stored_weights(SMALL)).unlink()
    with pytest.raises(ConfigError, match=r"has no finalists/\w+\.pt"):
        write_front(tmp_path, models, 3, "AP")
    assert len(list((tmp_path / "pareto").glob("*.pt"))) == 2


def test_without_pretrained_weights_the_columns_are_those_of_earlier_releases() -> None:
    expected = (
        "name,arch,imgsz,score,score_sd,score_n,test_score,latency_predicted_ms,latency_ms,latency_spread_ms,params,"
        "macs,weight_bytes,budgets_kept,yaml"
    )
    assert pareto_frame([finalist("01-a", 0.5, 10)]).columns.tolist() == expected.split(",")
    assert pareto_frame([]).columns.tolist() == expected.split(",")
