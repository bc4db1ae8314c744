"""report.html and pareto.png as files."""

from __future__ import annotations

import json
from pathlib import Path

from nas.reports.front_picture import write_png
from nas.reports.report_page import write_html
from nas.reports.used_table import used_table
from tests.reports.made import changed, make


def test_report_needs_only_its_run(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert not used_table(data).path.exists()
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert (tmp_path / "report.html").stat().st_size < 6e6
    assert "default-src 'none'" in html
    for name in data.pareto.name:
        assert "data=data.yaml imgsz=64 epochs=300" in html
        assert f'id="model-{name}"' in html
    assert json.loads(html.split('id="front-plot-data">')[1].split("</script>")[0])["data"][1]["x"] is not None


def test_reasons_are_escaped(tmp_path: Path) -> None:
    data = make(tmp_path)
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "latency 7.0% over its limit" in html
    assert "&lt;b&gt;broken" in html
    assert "<b>broken" not in html


def test_noisy_or_forced_table_is_a_warning(tmp_path: Path) -> None:
    data = make(tmp_path, header={"quiet": 0.2}, forced="another device")
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "The latency table was measured while the machine was too noisy" in html
    assert "does not fit this device: another device" in html


def test_names_in_the_picture_are_not_formulas(tmp_path: Path) -> None:
    data = changed(make(tmp_path), config={"data": "/data/$x^$/data.yaml"}, space="a$^$b")
    write_png(data, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 1000
