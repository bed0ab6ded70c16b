"""A Celery worker for the example project, which lives as long as a `with` block."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from example_project.servers.process import NotReady, directory, running

ROOT = Path(__file__).parents[2]


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    """A worker with a beat, for all queues. Raises ServerUnavailable."""
    with directory() as home:
        log = home / "log"
        app = [sys.executable, "-m", "celery", "-A", "example_project.celery", "--workdir", str(ROOT)]
        beat = ["--beat", "--schedule", str(home / "schedule")]
        command = [*app, "worker", *beat, "--queues", "sequere,sequere.fanout", "--concurrency", "1", "-l", "INFO"]

        def look() -> None:
            if "ready." not in log.read_text():
                raise NotReady("it has not said that it is ready")

        with running("the worker of Celery", command, log, look, env=os.environ | environment):
            yield
