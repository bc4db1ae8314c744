"""Searches on a cluster of real processes: as at home, for others unreachable, and through everything that dies."""

from __future__ import annotations

import importlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pandas as pd
import psutil
import pytest

from nas import cli
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, InputError
from nas.execution.cluster.connection import connect
from nas.execution.cluster.link import Link
from nas.execution.cluster.software import software
from nas.execution.dask_workers import DaskWorkers
from nas.reports.dashboard_server import dashboard
from nas.runs.run import load_run
from nas.scheduler import app as scheduler_app
from tests.commands.test_kill import outcome
from tests.execution.clusters import Process, start_scheduler, start_worker
from tests.execution.test_local_workers import STUB

SCRIPT = str(Path(__file__).with_name("killed_run.py"))
OPTIONS = ("--space", "tiny", "--runtime", "fake", "--imgsz", "64", "--proxy", "stub", "--no-cache", "--seed", "5")
SECONDS = 600


def search(folder: Path, *more: str) -> Process:
    folder.mkdir(exist_ok=True)
    return Process(SCRIPT, "-", "0", *OPTIONS, "--out", str(folder / "run"), *more)


def finish(*searches: Process) -> None:
    for process in searches:
        assert process.wait(SECONDS) == 0, "".join(process.lines)


def stub_worker(address: str, slots: int = 1, **environment: str) -> Process:
    process = Process(SCRIPT, "worker", address, "--slots", str(slots), **environment)
    process.wait_for(": joined")
    return process


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A scheduler and four workers, two to a process, on loopback."""
    with ExitStack() as stack:
        scheduler, address = start_scheduler()
        stack.callback(scheduler.kill)
        for _ in range(2):
            stack.callback(stub_worker(address, 2).kill)
        yield address


def dask_process(worker: Process) -> psutil.Process:
    """The process that serves the scheduler and starts trainings; waits for the next one if it has just died."""
    while True:
        for process in psutil.Process(worker.process.pid).children():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and "spawn_main" in str(process.cmdline()):
                    return process
        time.sleep(0.1)


def same(one: Path, other: Path) -> None:
    """Two runs found the same, whatever was cut off meanwhile."""
    (trials, front, models), (other_trials, other_front, other_models) = outcome(one), outcome(other)
    pd.testing.assert_frame_equal(trials, other_trials, check_dtype=False)
    pd.testing.assert_frame_equal(front, other_front)
    assert models == other_models


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_cluster_finds_what_this_machine_finds(home: Path, cluster: str, count: int) -> None:
    budget = ("--budget", "14", "--rungs", "3")
    finish(search(home / "here", *budget, "--workers", str(count)))
    finish(search(home / "there", *budget, "--workers", f"{count}@{cluster}"))
    same(home / "here", home / "there")
    trials, *_ = outcome(home / "there")
    trained = trials[trials.state == "trained"]
    assert len(trained) == 14 == trained.arch.nunique()


def test_two_searches_share_a_cluster_and_a_server(home: Path, cluster: str, postgres: str) -> None:
    seeds = {"a": "5", "b": "6"}
    runs = [
        search(home / name, "--budget", "10", "--workers", f"2@{cluster}", "--storage", postgres, "--out",
               str(home / name / name), "--seed", seed)
        for name, seed in seeds.items()
    ]  # fmt: skip
    finish(*runs)
    for name, seed in seeds.items():
        finish(search(home / f"file-{name}", "--budget", "10", "--workers", "2", "--seed", seed))
        (home / name / name).rename(home / name / "run")
        same(home / name, home / f"file-{name}")
    import optuna

    studies = optuna.get_all_study_summaries(postgres)
    assert sorted(study.study_name for study in studies) == ["a", "b"]
    pytest.importorskip("optuna_dashboard")
    app, told = dashboard(home / "a" / "run"), list[str]()
    environ = {"PATH_INFO": "/api/studies"}
    setup_testing_defaults(environ)
    (body,) = app(environ, lambda status, *_: told.append(status))  # type: ignore[arg-type,func-returns-value]
    assert told == ["200 OK"]
    assert sorted(study["study_name"] for study in json.loads(body)["study_summaries"]) == ["a", "b"]


def test_a_killed_search_goes_on_elsewhere_from_the_url_alone(home: Path, cluster: str, postgres: str) -> None:
    more = ("--budget", "14", "--rungs", "3", "--workers", f"2@{cluster}", "--storage", postgres)
    killed = Process(SCRIPT, "optuna.Study.tell:after", "6", *OPTIONS, *more, "--out", str(home / "killed" / "run"))
    assert killed.wait(SECONDS) == -9
    shutil.rmtree(home / "killed")
    # How many at once is as it was.
    finish(search(home / "killed", *more[:4], "--workers", cluster, "--storage", postgres, "--resume"))
    finish(search(home / "whole", *more[:4], "--workers", "2"))
    same(home / "killed", home / "whole")
    record = json.loads((home / "killed" / "run" / "run.json").read_text())
    assert record["config"]["storage"] == postgres.replace(":@", "@") and record["status"] == "finished"


def test_a_port_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(lambda: scheduler_app(["--port", "99999"], standalone_mode=False))
    assert ended.value.code == 2 and "'--port'" in capsys.readouterr().err


def test_nothing_listens_beyond_loopback() -> None:
    scheduler, address = start_scheduler()
    worker = stub_worker(address)
    try:
        ends = [
            c.laddr.ip for p in (*scheduler.family, *worker.family) for c in p.net_connections() if c.status == "LISTEN"
        ]
        assert len(ends) >= 4 and set(ends) == {"127.0.0.1"}
    finally:
        worker.kill()
        scheduler.kill()
    opened = Process("-m", "nas.scheduler", "--port", "0", "--host", "0.0.0.0")
    try:
        opened.wait_for("^scheduler")
        opened.wait_for(
            "warning: --host 0.0.0.0: without --tls-cert, anyone who can connect to this address can run code here"
        )
    finally:
        opened.kill()


def test_other_software_is_refused_at_joining() -> None:
    scheduler, address = start_scheduler()
    try:
        client = connect(address, Link(), 60)
        client.set_metadata(["pareto-yolo"], software() | {"dask": "2024.1.0", "Python": "3.99"})
        client.close()
        refused = (
            f"{address}: the cluster runs other software: Python .* here and 3.99 there, dask .* and 2024.1.0 there"
        )
        worker = Process("-m", "nas.worker", address)
        assert worker.wait(SECONDS) == 2
        worker.wait_for(f"^error: {refused}; install the same on both")
        with pytest.raises(InputError, match=refused):
            DaskWorkers(int, 1, 1, address=address)  # type: ignore[arg-type]
    finally:
        scheduler.kill()
    with pytest.raises(
        InputError, match=f"{address}: no scheduler answers there: .*; start one with python -m nas.sch"
    ):
        connect(address, Link(), 2)


def test_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pareto-yolo"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    files = ("--tls-ca-file", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(key))
    scheduler = Process("-m", "nas.scheduler", "--port", "0", *files)
    try:
        address = scheduler.wait_for(r"^scheduler (tls://\S+);")[1]
        worker = start_worker(address, "--slots", "2", *files)
        assert DaskWorkers(int, 0, 1, address=address, link=Link(certificate, certificate, key)).count == 2  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no scheduler answers"):
            connect(address, Link(), 5)
        worker.kill()
    finally:
        scheduler.kill()
    with pytest.raises(ConfigError) as missing:
        Link(certificate, certificate)
    assert missing.value.field == "tls_key"


LOCAL = """
import os, time, dask
from nas.execution.cluster.connection import import_distributed
if __name__ == "__main__":
    dask.config.set({"distributed.worker.daemon": False})
    options = {"host": "127.0.0.1", "dashboard_address": None, "resources": {"train": 1}}
    # Folders of its own, as other workers purge shared ones that look stale; and no worker is restarted for its memory.
    options |= {"local_directory": os.path.dirname(__file__), "memory_limit": None}
    with import_distributed().LocalCluster(n_workers=2, threads_per_worker=1, **options) as local:
        local.wait_for_workers(2)
        print("\\ncluster", local.scheduler_address, flush=True)  # after a message that ends without a line break
        time.sleep(3600)
"""


def test_dasks_own_local_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of any Dask cluster do, where they have the label."""
    (tmp_path / "stub_proxy_for_dask.py").write_text(STUB)
    monkeypatch.syspath_prepend(tmp_path)
    make = importlib.import_module("stub_proxy_for_dask").make
    (tmp_path / "local.py").write_text(LOCAL)
    local = Process(str(tmp_path / "local.py"), path=[tmp_path])
    try:
        crew = DaskWorkers(make, 0, 1, address=local.wait_for(r"^cluster (\S+)")[1])
        assert crew.count == 2, "".join(local.lines)
        futures = [crew.score(TEMPLATES["yolov8n"].stock(nc), 1) for nc in (1, 2, 3)]
        assert [future.result(SECONDS).score for future in futures] == [1.1, 2.1, 3.1], "".join(local.lines)
        crew.close()
    finally:
        local.kill()


@pytest.mark.slow
def test_whatever_dies_the_run_is_the_same(home: Path, postgres: str) -> None:
    """Workers killed at random moments of 60 short trials, one hung, the scheduler killed once, the driver once."""
    rng, slow = random.Random(3), {"STUB_SECONDS": "1"}
    soon = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "30s"}
    scheduler, address = start_scheduler(**soon)
    workers = [stub_worker(address, 1, **slow) for _ in range(2)]
    gone: list[Process] = []
    more = ("--budget", "60", "--workers", f"2@{address}", "--storage", postgres)
    run = search(home / "broken", *more)
    run.wait_for("run directory", SECONDS)
    events = ["worker", "hang", "scheduler", "worker", "driver", "machine", "worker"]
    trials = home / "broken" / "run" / "trials.csv"
    try:
        for number, event in enumerate(events, 1):
            deadline = time.monotonic() + SECONDS
            while not trials.exists() or len(pd.read_csv(trials)) < number * 60 / (len(events) + 1):
                assert time.monotonic() < deadline and run.process.poll() is None, "".join(run.lines)
                time.sleep(0.2)
            time.sleep(rng.random())
            if event == "worker":  # with the training in it; one that dies by itself is a fault of its candidate's
                dask_process(rng.choice(workers)).kill()
            elif event == "hang":
                hung = workers.pop(0)
                for process in hung.family:
                    process.suspend()
                gone.append(hung)
                workers.append(stub_worker(address, 1, **slow))
            elif event == "machine":
                workers.pop(rng.randrange(2)).kill()
                workers.append(stub_worker(address, 1, **slow))
            elif event == "scheduler":
                scheduler.kill()
                scheduler, again = start_scheduler(int(address.rpartition(":")[2]), **soon)
                assert again == address
            else:
                run.kill()
                run = search(home / "broken", *more, "--resume")
        finish(run)
    finally:
        for process in (run, *workers, *gone, scheduler):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    told = pd.read_csv(trials)
    assert "failed" not in set(told.state), told[told.state == "failed"].reason.tolist()
    trained = told[told.state == "trained"]
    assert len(trained) == 60 == trained.arch.nunique()
    finish(search(home / "whole", "--budget", "60", "--workers", "2"))
    same(home / "broken", home / "whole")


@pytest.mark.slow
def test_the_device_is_a_worker(home: Path) -> None:
    """Its table and the finalists are measured there, and nowhere else."""
    scheduler, address = start_scheduler()
    worker = Process(SCRIPT, "worker", address, "--slots", "1", "--device", "edge")
    worker.wait_for(": joined")
    try:
        more = ("--budget", "6", "--workers", address, "--device", "edge", "--runtime", "onnxruntime")
        run = search(home / "far", *more)
        finish(run)
        run.wait_for("edge: the worker of that name measures missing rows of the table at 64 px")
        found = load_run(home / "far" / "run")
        assert found.record.fingerprint["device"] == "edge"
        assert all((finalist.latency_ms or 0) > 0 for finalist in found.result.finalists)
        front = pd.read_csv(home / "far" / "run" / "pareto.csv")
        assert (front.latency_ms > 0).all() and "predicted, not measured" not in "".join(run.lines)
        second = Process(SCRIPT, "worker", address, "--slots", "0", "--device", "edge")
        second.wait_for(": joined")
        refused = search(home / "two", *more)
        assert refused.wait(SECONDS) == 2
        refused.wait_for(r"error: --device edge: 2 machines of .* have this name; give each one a name of its own")
        second.kill()
    finally:
        worker.kill()
        scheduler.kill()
