"""``python -m nas.dashboard`` as a person sees it: in a browser, over a real run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas import cli
from nas import dashboard as command
from nas.detectors.costs import cost
from nas.reports.study_writer import study_of
from nas.runs.run import Run
from nas.runs.trials import read_trials
from nas.spaces.architecture import decode

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1500,2600",
)
PATIENCE = 300
"""Seconds after which a page that does not show what it should has failed; on a busy machine a page takes a minute."""
LIMIT = 2_500_000

pytest.importorskip("optuna_dashboard", reason="the dashboard extra is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run with real training, in which some are over a limit, the stock model among them."""
    folder = tmp_path_factory.mktemp("run")
    options = ["--space", "tiny", "--runtime", "fake", "--imgsz", "64", "--budget", "3", "--sampler", "random"]
    options += ["--steps", "40", "--seed", "3", "--max-params", str(LIMIT), "--out", "run"]
    environment = os.environ | {"PARETO_YOLO_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "nas.search", *options]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=850)
    assert result.returncode == 0, result.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    """Where it is served."""
    command = [sys.executable, "-m", "nas.dashboard", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"{run}: http://127.0.0.1:")
        yield line.split()[1].rstrip("/")
        process.terminate()


class Browser:
    """Headless Chromium; every page that was opened leaves a screenshot."""

    def __init__(self, driver: Any, address: str, shots: Path):
        self.driver, self._address, self._shots = driver, address, shots

    def open(self, name: str, page: str, shown: Callable[[str], bool]) -> str:
        """The text of a page as soon as it is as it should be."""
        self.driver.get(self._address + page)
        self.until(lambda: shown(self.text))
        self.driver.save_screenshot(str(self._shots / f"{name}.png"))
        return self.text

    def until(self, condition: Callable[[], bool]) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE).until(lambda driver: condition(), self.text[:2000])

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def script(self, text: str) -> Any:
        """What a script returns."""
        return self.driver.execute_script(text)


@pytest.fixture(scope="module")
def browser(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium, of the dev extra, is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed; Debian's chromium-driver brings both")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    shots = Path(os.environ.get("NAS_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as opened:
        opened.command_executor.client_config.timeout = PATIENCE
        opened.set_page_load_timeout(PATIENCE)
        yield Browser(opened, address, shots)


def test_in_a_browser(run: Path, browser: Browser) -> None:
    facts = json.loads((run / "run.json").read_text())
    rows = read_trials(study_of(Run(run, facts)))
    trained = [row for row in rows if row.state == "trained"]
    gated = next(row for row in rows if row.state == "gated")
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})

    browser.open("front", "/dashboard", lambda text: facts["study"] in text)

    text = browser.open("study", "/dashboard/studies/1", lambda text: "Hypervolume of the front" in text)
    for shown in ("AP50-95 (proxy)", "latency ms (predicted)", "Latency against multiply-adds"):
        assert shown in text
    traces = browser.script(
        "return document.querySelector('.js-plotly-plot').data.map(({x, y, marker}) => [x, y, marker.color])"
    )
    of_trials = [(set(zip(xs, ys, strict=True)) - {(None, None)}, colour) for xs, ys, colour in traces]
    assert set().union(*(points for points, _ in of_trials)) == {row.point() for row in rows if row.score is not None}
    # Feasible ones are coloured by their number; the stock model is over the limit and was trained all the same.
    grey = set().union(*(points for points, colour in of_trials if isinstance(colour, str)))
    assert grey == {row.point() for row in trained if (row.params or 0) > LIMIT} >= {trained[0].point()}
    assert "Infeasible" in text  # in the timeline

    last = trained[-1]
    page = "/dashboard/studies/1/trials?numbers="
    params, macs, *_ = cost(decode(last.arch).detector(6), 64)
    text = browser.open("trial", f"{page}{last.number}", lambda text: "detections.jpg" in text)
    names = ("training.csv", "architecture.yaml", "network.svg")
    for shown in (f"{params:,}", f"{macs / 1e6:,.1f}\N{NO-BREAK SPACE}M", *names):
        assert shown in text
    images = "return [...document.querySelectorAll('img')].map(image => image.naturalWidth)"
    browser.until(lambda: (widths := browser.script(images)) != [] and all(widths))
    browser.driver.save_screenshot(str(browser._shots / "trial.png"))
    assert len(browser.script(images)) == 2  # the network and the detections
    text = browser.open("gated", f"{page}{gated.number}", lambda text: "% over" in text)
    assert f"{gated.params:,}" in text
    finalist = next(row for row in trained if row.arch == front.arch.iloc[-1])
    browser.open("finalist", f"{page}{finalist.number}", lambda text: f"{front.name.iloc[-1]} on the front" in text)

    text = browser.open("note", "/dashboard/studies/1/note", lambda text: "What was found" in text)
    for model in front.itertuples(index=False):
        for shown in (model.name, f"{model.score:.4f}", f"{model.latency_ms:.2f}", f"{model.params:,}"):
            assert shown in text
    links = "return [...document.querySelectorAll('a')].map(link => link.getAttribute('href'))"
    (report,) = [link for link in browser.script(links) if link and link.startswith("/artifacts/")][-1:]
    browser.open("report", report, lambda text: "ParetoYOLO" in text and front.name.iloc[0] in text)

    errors = [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def refused(*options: str) -> str:
    """What a wrong command says, on one line."""
    said = StringIO()
    with redirect_stderr(said), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app(options, standalone_mode=False))
    assert ended.value.code == 2, said.getvalue()
    assert said.getvalue().count("\n") == 1
    return said.getvalue()


def test_what_is_no_run(tmp_path: Path) -> None:
    assert f"{tmp_path}: has no run.json; give the directory of a run" in refused(str(tmp_path))
    for content in ("{", "[]", "{}", '{"options": 3}'):
        (tmp_path / "run.json").write_text(content)
        assert "run.json: not the record of a run" in refused(str(tmp_path))
    (tmp_path / "run.json").write_text('{"options": {}}')
    assert f"{tmp_path}: has no study yet" in refused(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"run.json"}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"options": {}}')
    (tmp_path / "study.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port}: is taken; give another one, or 0" in refused(str(tmp_path), "--port", str(port))


def test_without_optuna_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.json").write_text('{"options": {}}')
    (tmp_path / "study.db").touch()
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    said = refused(str(tmp_path))
    assert "optuna-dashboard is not installed; pip install 'pareto-yolo[dashboard]' adds it" in said
