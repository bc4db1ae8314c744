"""Reports in a browser.

``NAS_AXE`` is the path of axe.min.js (npm package axe-core); without it, accessibility is not checked.
``NAS_SCREENSHOTS`` is a folder for screenshots.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nas.reports.comparison import compare
from nas.reports.comparison_page import write_comparison
from nas.reports.picker import picker
from nas.reports.prediction_pictures import SIDE, Picture, Pictures
from nas.reports.report_page import write_html
from nas.reports.run_data import RunData, load_run_data
from tests.reports.made import make

webdriver = pytest.importorskip("selenium.webdriver", reason="the dev extra is not installed: no selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402  after the skip
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

WIDTHS = {"desktop": 1280, "phone": 390}
PATIENCE = 300
"""Seconds; a browser is slow on a busy machine."""
QUIET = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update "
    "disable-sync hide-scrollbars"
)

CARD = {"within_5pct": 0.9, "within_10pct": 1.0, "mean_error": 0.02, "worst_error": 0.07, "bias": -0.01}
PAGES: dict[str, dict[str, Any]] = {
    "front": {"header": {"cards": {"64": CARD}}},
    "sizes": {"imgsz": (64, 96), "minimize": ("latency", "size"), "rungs": 3, "max_latency": 8.0, "count": 30},
    "noise": {"seeds": 0.02, "here": False, "forced": "another processor", "header": {"quiet": 0.3}},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"no {' and '.join(missing)} on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = str(found["chromium"])
    for argument in (
        *QUIET.split(),
        "host-resolver-rules=MAP * ~NOTFOUND",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(found["chromedriver"])))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    runs = {name: make(folder / name, **of) for name, of in PAGES.items()}
    for run in runs.values():
        write_html(run, run.folder / "report.html", painted(run))
    slower = make(folder / "slower", slowness=3.0, draw_seed=1)
    write_comparison(compare(runs["front"], slower), folder / "compare.html")
    return {name: folder / name / "report.html" for name in PAGES} | {"compare": folder / "compare.html"}


def painted(run: RunData) -> Pictures:
    """A picture for the stock model and four finalists."""
    content = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "#37b7ff").save(content, "JPEG")
    uri = f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
    names = ["stock", *(model.name for model in run.result.front[:4])]
    return Pictures([Picture(name, "score 0.1", uri, (SIDE, SIDE), name == "stock") for name in names], 2)


def show(browser: Any, page: Path, width: int = 1280, dark: bool = False) -> None:
    """Open a page and wait until its figures are drawn."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(page.as_uri())
    drawn = "return [...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('.main-svg'))"
    WebDriverWait(browser, PATIENCE).until(lambda it: it.execute_script(drawn))


def keep_screenshot(browser: Any, width: int, path: Path) -> None:
    height = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["height"]
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(shot["data"]))


@pytest.mark.parametrize("name", [*PAGES, "compare"])
@pytest.mark.parametrize("screen", list(WIDTHS))
def test_pages_open_without_errors(
    browser: Any, pages: dict[str, Path], name: str, screen: str, tmp_path: Path
) -> None:
    width = WIDTHS[screen]
    show(browser, pages[name], width, dark=screen == "phone")
    browser.execute_script(
        "for (const it of document.querySelectorAll('details')) it.open = it.matches('#models > details:first-of-type')"
        " || it.closest('#models') === null"
    )
    keep_screenshot(browser, width, Path(os.environ.get("NAS_SCREENSHOTS", tmp_path)) / f"{name}-{screen}.png")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    # The page loads nothing, and nothing is wider than the screen.
    assert browser.execute_script("return performance.getEntriesByType('resource').map((it) => it.name)") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert pages[name].stat().st_size < 6e6


def test_the_numbers_are_on_the_page(browser: Any, pages: dict[str, Path]) -> None:
    data = load_run_data(pages["front"].parent)
    show(browser, pages["front"])
    body = browser.execute_script("return document.body.innerText")
    best = data.pareto[data.pareto.score >= data.stock.score].latency_ms.min()
    assert f"{data.stock_ms / best:.2f} times as fast" in body
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#front-section table')[0].rows].map((row) => row.innerText.split('\\t'))"
    )
    assert [row[0].strip() for row in rows[1:]] == [*data.pareto.name, "stock, not on the front"]
    assert [row[1].strip() for row in rows[1:-1]] == [f"{score:.4f}" for score in data.pareto.score]
    assert [row[2].strip() for row in rows[1:-1]] == [f"{ms:.2f}" for ms in data.pareto.latency_ms]
    drawn = browser.execute_script("return document.querySelectorAll('#front-plot .scatterlayer .point').length")
    assert drawn == len(data.finalists) + 2 * len(data.pareto) + 1 + 2  # the stock model and two hand-made models


def test_a_link_opens_its_model_and_the_yaml_is_there(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["front"])
    file = sorted((pages["front"].parent / "pareto").glob("*.yaml"))[1]
    model = f"document.getElementById('model-{file.stem}')"
    assert browser.execute_script(f"return {model}.open") is False
    browser.execute_script(f"document.querySelector('a[href=\"#model-{file.stem}\"]').click()")
    WebDriverWait(browser, PATIENCE).until(lambda it: it.execute_script(f"return {model}.open"))
    texts = browser.execute_script(f"return [...{model}.querySelectorAll('pre')].map((it) => it.textContent)")
    assert texts[0].startswith("python -m nas.train model=")
    assert texts[1] == file.read_text()


def test_the_slider_chooses_as_pick_does(browser: Any, pages: dict[str, Path]) -> None:
    run = load_run_data(pages["front"].parent)
    shown = picker(run)
    assert shown is not None
    show(browser, pages["front"])
    budgets = [choice.budget for choice in shown.choices] + [shown.least, shown.most, 0.01]
    found = browser.execute_script(
        "const number = document.getElementById('budget');"
        "return arguments[0].map((budget) => {"
        "  number.value = budget; number.dispatchEvent(new Event('input'));"
        "  const gone = document.getElementById('picked-details').hidden;"
        "  return gone ? document.getElementById('picked-none').textContent"
        "    : [document.getElementById('picked-name').hash, ...[...document.querySelectorAll('#picked-details pre')]"
        "      .map((it) => it.textContent)]; })",
        budgets,
    )
    for budget, seen in zip(budgets, found, strict=True):
        choice = shown.chosen(budget)
        if choice is None:
            assert seen.startswith("No model is so fast.") and shown.choices[0].label in seen
        else:
            assert choice.name == run.run.pick(max_latency=budget).model.name
            assert seen == [f"#model-{choice.name}", *choice.commands.values()]
    # The slider itself, moved by the keyboard.
    slider = browser.find_element("id", "budget-range")
    slider.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 3)
    number = float(browser.execute_script("return document.getElementById('budget').value"))
    assert number == pytest.approx(shown.least + 3 * shown.step)
    assert browser.execute_script("return document.getElementById('picked-command').textContent").endswith(
        f" {number:g}"
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", [*PAGES, "compare"])
def test_pages_are_accessible(browser: Any, pages: dict[str, Path], name: str, dark: bool) -> None:
    axe = os.environ.get("NAS_AXE")
    if not axe or not Path(axe).is_file():
        pytest.skip("NAS_AXE names no axe.min.js (npm pack axe-core)")
    show(browser, pages[name], dark=dark)
    browser.execute_script("for (const it of document.querySelectorAll('details')) it.open = true")
    browser.execute_script(Path(axe).read_text())
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then((it) => done(it.violations.map("
        "(of) => ({ id: of.id, impact: of.impact, first: of.nodes[0].html, count: of.nodes.length }))))"
    )
    assert [of for of in found if of["impact"] in {"serious", "critical"}] == []
