"""``python -m nas.dashboard`` in a browser, on a real run."""

from __future__ import annotations

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
from wsgiref.util import setup_testing_defaults

import optuna
import pandas as pd
import pytest

from nas import cli
from nas import dashboard as command
from nas.detectors.costs import cost
from nas.installation import install_command
from nas.reports.dashboard_server import dashboard
from nas.runs.run import load_run
from nas.runs.trials import TrialState
from nas.spaces.architecture import decode
from tests.reports.made import make

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
"""Seconds until a page must show its content; on a busy machine it takes a minute."""
LIMIT = 2_500_000

pytest.importorskip("optuna_dashboard", reason="the dashboard extra is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with real training. Some candidates are over a limit, the stock model among them."""
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
    """Address of the dashboard of the run."""
    command = [sys.executable, "-m", "nas.dashboard", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"{run}: http://127.0.0.1:")
        yield line.split()[1].rstrip("/")
        process.terminate()


class Browser:
    """Headless Chromium that takes a screenshot of each page."""

    def __init__(self, driver: Any, address: str, shots: Path):
        self.driver, self._address, self._shots = driver, address, shots

    def open(self, name: str, page: str, shown: Callable[[str], bool]) -> str:
        """Open a page and return its text as soon as ``shown`` accepts it."""
        self.driver.get(self._address + page)
        self.until(lambda: shown(self.text))
        self.driver.save_screenshot(str(self._shots / f"{name}.png"))
        return self.text

    def until(self, condition: Callable[[], bool]) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE).until(lambda driver: condition(), self.text[:2000])

    @property
    def text(self) -> str:
        """Text of the page."""
        return str(self.driver.execute_script("return document.body.innerText"))

    def script(self, text: str) -> Any:
        """Result of a script."""
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
    opened = load_run(run)
    rows = opened.trials
    trained = [row for row in rows if row.trained]
    gated = next(row for row in rows if row.state is TrialState.GATED)
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})

    browser.open("front", "/dashboard", lambda text: opened.record.study in text)

    text = browser.open("study", "/dashboard/studies/1", lambda text: "Hypervolume of the front" in text)
    for shown in ("AP50-95 (proxy)", "latency ms (predicted)", "Latency against multiply-adds"):
        assert shown in text
    traces = browser.script(
        "return document.querySelector('.js-plotly-plot').data.map(({x, y, marker}) => [x, y, marker.color])"
    )
    points_by_color = [(set(zip(xs, ys, strict=True)) - {(None, None)}, color) for xs, ys, color in traces]
    assert set().union(*(points for points, _ in points_by_color)) == {
        row.point() for row in rows if row.score is not None
    }
    # Feasible trials are colored by number. The stock model is over the limit and was trained nevertheless.
    grey = set().union(*(points for points, color in points_by_color if isinstance(color, str)))
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

    text = browser.open(
        "note", "/dashboard/studies/1/note", lambda text: "Results" in text and front.name.iloc[0] in text
    )
    for model in front.itertuples(index=False):
        for shown in (model.name, f"{model.score:.4f}", f"{model.latency_ms:.2f}", f"{model.params:,}"):
            assert shown in text
    links = "return [...document.querySelectorAll('a')].map(link => link.getAttribute('href'))"
    (report,) = [link for link in browser.script(links) if link and link.startswith("/artifacts/")][-1:]
    browser.open("report", report, lambda text: "ParetoYOLO" in text and front.name.iloc[0] in text)

    errors = [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def refused(*options: str) -> str:
    """The message of a refused command, on one line."""
    message = StringIO()
    with redirect_stderr(message), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app(options, standalone_mode=False))
    assert ended.value.code == 2, message.getvalue()
    assert message.getvalue().count("\n") == 1
    return message.getvalue()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run with the file of its study, which is empty."""
    make(tmp_path / "made", count=3)
    (tmp_path / "made" / "study.db").touch()
    return tmp_path / "made"


def test_no_run(tmp_path: Path) -> None:
    assert f"{tmp_path}: has no run.json; give a run directory" in refused(str(tmp_path))
    for content in ("{", "[]", "{}", '{"options": 3}'):
        (tmp_path / "run.json").write_text(content)
        assert f"error: {tmp_path}/run.json: " in refused(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"run.json"}


def test_no_study(made: Path) -> None:
    (made / "study.db").unlink()
    files = set(made.iterdir())
    assert f"{made}: has no study yet" in refused(str(made))
    assert set(made.iterdir()) == files


def test_nothing_can_be_changed(tmp_path: Path) -> None:
    make(tmp_path / "made", count=3)
    name = load_run(tmp_path / "made").record.study
    storage = f"sqlite:///{tmp_path / 'made' / 'study.db'}"
    study = optuna.create_study(study_name=name or "a study", storage=storage)
    optuna.create_study(study_name="b study", storage=storage)
    app = dashboard(tmp_path / "made")

    def request(method: str, path: str) -> tuple[str, dict[str, str]]:
        answers: list[tuple[str, dict[str, str]]] = []
        environment: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        setup_testing_defaults(environment)
        list(app(environment, lambda status, headers, error=None: answers.append((status, dict(headers)))))  # type: ignore[arg-type,return-value]
        return answers[0]

    assert request("GET", "/") == ("302 Found", {"Location": f"/dashboard/studies/{study._study_id}"})
    assert request("GET", "/api/studies")[0] == "200 OK"
    for method in ("DELETE", "POST", "PUT"):
        assert request(method, f"/api/studies/{study._study_id}")[0] == "403 Forbidden"
    assert len(optuna.get_all_study_names(storage)) == 2


def test_port_in_use(made: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused(str(made), "--port", str(port))
        assert f"--port {port}: is in use; give another port, or 0 for any free port" in message


def test_without_optuna_dashboard(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    message = refused(str(made))
    assert f"optuna-dashboard is not installed; run {install_command('dashboard')}" in message
