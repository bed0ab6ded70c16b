"""Writers and workers for a minute, while workers are killed and servers restarted; then nothing may be missing.

`python -m tests.soak [--seconds 60]`: 4 writers, PostgreSQL, a Valkey server for the read models and one as the broker,
2 workers, one of which is killed with SIGKILL every 3 seconds; each of the Valkey servers is restarted twice.
Then a sweep; exit status 1 if the read models are not what the log says, or a projector of the host has not seen
every event.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from example_project.servers.postgresql import postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from tests.benchmarks.__main__ import database

if TYPE_CHECKING:
    from tests.workers.conftest import Worker

WRITERS, WORKERS, SECONDS_BETWEEN_KILLS = 4, 2, 3
QUEUE = "sequere-soak"
PROJECTORS = "witness=tests.workers.guests.GuestBook"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    try:
        with ExitStack() as servers:
            url = servers.enter_context(postgresql())
            model, broker = (servers.enter_context(own_valkey(durable=True)) for _ in range(2))
            os.environ |= {
                "SEQUERE_REDIS_URL": model.url,
                "TESTS_BACKEND": "redis",
                "TESTS_BROKER_URL": broker.url.replace("unix://", "redis+socket://"),
                "TESTS_PROJECTION_MODE": "celery",
                "TESTS_PROJECTORS": PROJECTORS,
                "TESTS_QUEUE": QUEUE,
            }
            servers.enter_context(database(url))
            return soak(model, broker, options.seconds)
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1


def soak(model: Valkey, broker: Valkey, seconds: float) -> int:
    from sequere.log.models import Event
    from tests.factories import UserFactory
    from tests.races.outcome import differences
    from tests.testapp.models import Stranger, User

    User.objects.bulk_create(UserFactory.build_batch(40))
    with tempfile.TemporaryDirectory() as directory, ExitStack() as processes:
        workers = [processes.enter_context(_worker(Path(directory, f"{n}.log"))) for n in range(WORKERS)]
        processes.enter_context(_beat(Path(directory)))
        writers = [_writer(seed, seconds) for seed in range(WRITERS)]
        kills, restarts = _let_things_happen(workers, {"Redis": model, "the broker": broker}, seconds)
        calls = sum(int(writer.communicate()[0] or 0) for writer in writers)
        died = sum(writer.returncode != 0 for writer in writers)
        started = monotonic()
        left = _catch_up()
        caught_up = monotonic() - started
    wrong = differences()
    events, seen = set(Event.objects.values_list("pk", flat=True)), set(Stranger.objects.values_list("name", flat=True))
    unseen = {str(pk) for pk in events} - seen
    print(f"{calls:,} calls of {WRITERS} writers in {seconds:.0f} s, {len(events):,} events; {died} writers died.")
    print(f"{kills} workers killed; restarted: {', '.join(restarts)}. Caught up {caught_up:.1f} s after the last call.")
    print(f"{left} events wait, {len(unseen)} were not seen by the projector of the host, {len(wrong)} differences.")
    print(*wrong[:20], sep="\n")
    return 1 if left or unseen or wrong or died else 0


def _let_things_happen(workers: list["Worker"], servers: dict[str, Valkey], seconds: float) -> tuple[int, list[str]]:
    started, kills, restarts = monotonic(), 0, []
    when = [seconds * part for part in (0.2, 0.4, 0.6, 0.8)]
    turns = cycle(workers)
    names = cycle(servers)
    while (now := monotonic() - started) < seconds:
        sleep(min(SECONDS_BETWEEN_KILLS, seconds - now))
        worker = next(turns)
        worker.kill()
        worker.start()
        kills += 1
        if when and monotonic() - started > when[0]:
            when.pop(0)
            name = next(names)
            servers[name].stop()
            sleep(1)
            servers[name].start()
            restarts.append(name)
    return kills, restarts


def _catch_up() -> int:
    """Sweep until no event waits; returns how many still do after two minutes."""
    from sequere.models import QueuedEvent
    from sequere.outbox import shards
    from sequere.outbox.drain import sweep_queues

    shards.OVERDUE = timedelta(0)
    deadline = monotonic() + 120
    while (left := QueuedEvent.objects.count()) and monotonic() < deadline:
        sweep_queues("default")
        sleep(0.5)
    return left


@contextmanager
def _worker(log: Path) -> Iterator["Worker"]:
    from tests.workers.conftest import Worker

    worker = Worker(os.environ["TESTS_BROKER_URL"], log)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


@contextmanager
def _beat(directory: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "tests.workers.app", "beat", "-s", str(directory / "schedule")]
    with (directory / "beat.log").open("w") as output:
        process = subprocess.Popen(command, env=_environment(), stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _writer(seed: int, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.soak.writer", str(seed), str(seconds)]
    return subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, text=True)


def _environment() -> dict[str, str]:
    from tests.races.test_crashes import database_url

    return os.environ | {"SEQUERE_DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"}


if __name__ == "__main__":
    sys.exit(main())
