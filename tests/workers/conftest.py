"""A broker, and Celery workers in processes of their own, on the database and the Redis of the tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.db import OperationalError
from django.test import TransactionTestCase

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from sequere import workers
from tests.conftest import CI
from tests.host.processes import ROOT
from tests.races.test_crashes import database_url
from tests.workers.app import SETTINGS, app


def url_of(server: Valkey) -> str:
    """Its URL as Celery writes it."""
    return server.url.replace("unix://", "redis+socket://")


@pytest.fixture(scope="module", autouse=True)
def flushed(flushed: None) -> Iterator[None]:
    """The worker may be looking for more to do when a test is over, and PostgreSQL ends one side of a deadlock."""
    flush = TransactionTestCase._fixture_teardown

    def flush_again(self: TransactionTestCase) -> None:
        for _ in range(9):
            with suppress(OperationalError):
                return flush(self)
        return flush(self)

    with patch.object(TransactionTestCase, "_fixture_teardown", flush_again):
        yield


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The URL of TESTS_BROKER_URL, or of a server of our own."""
    if url := os.environ.get("TESTS_BROKER_URL"):
        yield url
        return
    try:
        with own_valkey() as server:
            yield url_of(server)
    except ServerUnavailable as error:
        if CI:
            raise
        pytest.skip(str(error))


@pytest.fixture
def for_celery(settings: Any, broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All built-in projections are left to the workers."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    send_to(broker, monkeypatch)


def send_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process send its tasks there as if it had just started, and wait for a broker that is only slow.

    Otherwise no worker would learn of the events that it records.
    """
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr(workers, "PATIENCE", 60)
    monkeypatch.setattr(workers, "_app", app)
    monkeypatch.setattr(workers._breaker, "outage", None)
    workers._broker.cache_clear()


class Worker:
    """`celery worker` on both queues, unless others are given."""

    def __init__(self, broker: str, log: Path, *queues: str, **environment: str) -> None:
        self.log = log
        self.settings = log.with_suffix(".json")
        self._queues = queues or (*django_settings.SEQUERE_CELERY_QUEUES.values(),)
        ours = {"SEQUERE_DATABASE_URL": database_url(), "TESTS_BROKER_URL": broker, "TESTS_PROJECTION_MODE": "celery"}
        self._environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **ours, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        name = f"{uuid4().hex}@localhost"  # a broker cannot have two of one name
        options = ["--hostname", name, "--queues", ",".join(self._queues), "--loglevel", "INFO", "--concurrency", "1"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "tests.workers.app", "worker", *options, *quiet],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def group(self) -> int:
        """The process group of the worker and its children."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill the worker and its children with SIGKILL."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """Stop it like an operator; return the exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(timeout=60)
        self._process = None
        return code


@contextmanager
def a_worker(broker: str, log: Path, *queues: str, **environment: str) -> Iterator[Worker]:
    worker = Worker(broker, log, *queues, **environment)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


@pytest.fixture(scope="session")
def session_worker(broker: str, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    log = tmp_path_factory.mktemp("worker") / "log"
    log.with_suffix(".json").write_text("{}")
    with a_worker(broker, log, **{SETTINGS: str(log.with_suffix(".json"))}) as worker:
        yield worker


@pytest.fixture
def worker(for_celery: None, session_worker: Worker) -> Iterator[Worker]:
    """A worker for all tests, which end when everything is applied. It knows their settings."""
    file = session_worker.settings

    def write(settings: dict[str, Any]) -> None:
        """In one step, since the worker may be reading."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(settings))
        part.rename(file)

    def tell(setting: str, value: Any, enter: bool, **_: Any) -> None:
        if setting.startswith("SEQUERE_TIMELINE_") or setting == "USE_TZ":
            known = json.loads(file.read_text())
            known.pop(setting, None)
            write(known | {setting: value} if enter else known)

    write({})
    setting_changed.connect(tell)
    yield session_worker
    setting_changed.disconnect(tell)


@pytest.fixture
def start_worker(for_celery: None, settings: Any, broker: str, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers that the test may kill, on queues of their own."""
    workers: list[Worker] = []
    queue = f"sequere-tests-{uuid4().hex}"
    settings.SEQUERE_CELERY_QUEUES = {"default": queue, "fan_out": f"{queue}.fanout"}

    def start(*queues: str, **environment: str) -> Worker:
        log = tmp_path / f"worker-{len(workers)}.log"
        worker = Worker(broker, log, *queues, TESTS_QUEUE=queue, **environment)
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()
