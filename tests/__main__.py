"""Run the suite on SQLite and PostgreSQL, the tests of Redis on a server of their own, and those with Celery workers.

`python -m tests [--only PART | --extended] [pytest's arguments]`; PostgreSQL is the server in SEQUERE_DATABASE_URL,
Redis the one in SEQUERE_REDIS_URL. Without a URL, a server is started for the run.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

from example_project.servers.postgresql import given_postgresql, postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import given_redis, own_valkey, redis_program, valkey
from tests.browser.chromium import chromium_program
from tests.workers.rabbitmq import rabbitmq

MAX_WORKERS = 4
#: A test with Celery waits for its worker, and the worker for the test, so two of them share a processor.
WITH_CELERY = 2
#: Run in every projection mode; the contracts of backends run everywhere, on each backend and in each mode.
READ_MODELS = [
    *(f"tests/sequere/test_{name}.py" for name in ("deletion", "follows", "many", "outbox")),
    *(f"tests/{name}" for name in ("sequere_timeline", "model", "races")),
]
#: Run in Redis; on another server, the contracts and the timelines.
IN_REDIS = [
    *READ_MODELS,
    *(f"tests/sequere/test_{name}.py" for name in ("keys", "lists", "list_views", "mixin", "querysets", "views")),
]
ON_REDIS_7 = ["tests/contracts", "tests/sequere_timeline", "tests/sequere/test_follows.py"]
CONTRACTS = "tests/contracts/test_backends.py"
#: The tests with Celery workers; the contracts there take their time.
WORKERS = "tests/workers"
WITHOUT_CONTRACTS = [WORKERS, f"--ignore={WORKERS}/test_contracts.py"]
#: The site in a browser is a part of its own: it is the same on every database and backend.
BROWSER = "tests/browser"
#: Tests that have a server to themselves, one after another: keys, contracts, outages.
OWN_REDIS = "tests/redis"
#: A page that takes a minute, with servers and a worker of its own; test_guides.py runs it once more on SQLite.
ORDERS = "tests/docs/test_orders.py"
#: Each example and each site in processes of its own.
GUIDES = [
    *(f"tests/docs/test_{name}.py" for name in ("guides", "moving", "promises", "readme", "tutorial")),
    *("tests/example", "tests/host", "tests/sequere/test_hosts.py"),
]
#: Run in parts of their own.
APART = [OWN_REDIS, WORKERS, BROWSER, ORDERS, *GUIDES]
#: Every damage with every repair, and any input.
DAMAGES = [
    *(f"tests/replay/test_{name}.py" for name in ("damage", "rare_damage")),
    "tests/sequere/test_wild.py",
]
#: Writers of SQLite queue up, so races find little there; that the contracts find faults changes rarely.
LATER_ON_SQLITE = ["tests/races", *DAMAGES, "tests/sequere/test_scenarios.py"]
#: Independent of the database.
ON_SQLITE_ONLY = [
    *("tests/docs", "tests/servers"),
    *(f"tests/sequere/test_{name}.py" for name in ("scenarios", "statements", "terminal", "words")),
]
#: Pages, words, refusals, causes, histories: little of these depends on the database.
LATER_ON_POSTGRESQL = [
    *("tests/admin", "tests/model", *DAMAGES),
    *(f"tests/sequere/test_{name}.py" for name in ("causation", "checks", "event_types", "flush", "gates", "health")),
    *(f"tests/sequere/test_{name}.py" for name in ("hosts", "identity", "list_views", "messages", "metadata")),
    *(f"tests/sequere/test_{name}.py" for name in ("metrics", "mixin", "operators", "recording", "registry")),
    *(f"tests/sequere/test_{name}.py" for name in ("template_tags", "views")),
    *(f"tests/sequere_timeline/test_{name}.py" for name in ("action_data", "template_tags", "verbs", "views")),
]
#: Every damage, loads of many follows, long histories, and hosts of their own.
LATER_IN_REDIS = [
    f"{OWN_REDIS}/test_{name}.py"
    for name in ("follow_damage", "loading", "random_damage", "same_answers", "tenants", "timeline_damage")
]
#: With another Python or Django, these use it as the contracts do: histories, repairs, servers.
OF_ANY_VERSION = [
    *("tests/model", "tests/replay", "tests/servers"),
    *(f"tests/sequere_timeline/test_{name}.py" for name in ("fan_out_costs", "fan_outs")),
]
#: And these show what it changes: what a newcomer reads, hosts, and any input.
OF_EACH_VERSION = [
    *("tests/docs/test_readme.py", "tests/docs/test_tutorial.py"),
    *("tests/sequere/test_hosts.py", "tests/sequere/test_wild.py"),
]
#: Statistics of a table that is empty between two tests make PostgreSQL compare each of some thousand rows with each.
UNANALYZED = {"autovacuum": "off"}
#: How many times as often as in PARTS the parts of EXTENDED try what tests/rounds.py counts.
ROUNDS = "2"
#: These variables tell the tests where they run.
OURS = {
    "SEQUERE_DATABASE_URL",
    "SEQUERE_REDIS_URL",
    "TESTS_BACKEND",
    "TESTS_BROKER_URL",
    "TESTS_PREPARED",
    "TESTS_PROJECTION_MODE",
}
CI = os.environ.get("CI") == "true"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of the suite in one place."""

    where: str
    ok: bool
    summary: str

    def __str__(self) -> str:
        return f"{self.where}: {self.summary}"


class Servers:
    """The servers of a run: each starts when a part first needs it, and ends with the run."""

    def __init__(self, running: ExitStack) -> None:
        self._running = running

    @cached_property
    def postgresql(self) -> str:
        return self._running.enter_context(postgresql(**UNANALYZED))

    @cached_property
    def valkey(self) -> str:
        return self._running.enter_context(valkey())

    @cached_property
    def redis_7(self) -> str:
        return self._running.enter_context(own_valkey(redis_program())).url

    @cached_property
    def rabbitmq(self) -> str:
        return self._running.enter_context(rabbitmq())


#: Runs pytest on the servers that it needs.
Part = Callable[[Servers, list[str]], Iterator[Outcome]]


def on_sqlite(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    yield run("SQLite", chosen(without(*APART, *LATER_ON_SQLITE), arguments))


def on_postgresql(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    here = chosen(without(*APART, *ON_SQLITE_ONLY, *LATER_ON_POSTGRESQL), arguments)
    yield run("PostgreSQL", here, SEQUERE_DATABASE_URL=servers.postgresql)


def with_own_redis(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    here = chosen([OWN_REDIS, *without(*LATER_IN_REDIS)], arguments)
    yield run("Valkey, PostgreSQL", here, SEQUERE_DATABASE_URL=servers.postgresql)


def with_guides(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    yield run("The guides and the example, SQLite", chosen(GUIDES, arguments))


def left_for_later(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    yield run("Later, SQLite", chosen(LATER_ON_SQLITE, arguments))
    here = chosen([*LATER_ON_POSTGRESQL, *LATER_IN_REDIS], arguments)
    yield run("Later, PostgreSQL", here, SEQUERE_DATABASE_URL=servers.postgresql)


def on_commit(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    how = {"TESTS_PROJECTION_MODE": "on_commit"}
    yield run("SQLite, on_commit", chosen([CONTRACTS], arguments), **how)
    how |= {"SEQUERE_DATABASE_URL": servers.postgresql, "TESTS_PREPARED": "yes"}
    read_models = chosen([*READ_MODELS, CONTRACTS, ORDERS], arguments)
    yield run("PostgreSQL, on_commit, prepared statements", read_models, **how)


def in_redis(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    urls = {"SEQUERE_REDIS_URL": servers.valkey, "SEQUERE_DATABASE_URL": servers.postgresql}
    yield run("In Valkey, PostgreSQL", chosen(IN_REDIS, arguments), TESTS_BACKEND="redis", **urls)


def in_redis_7(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    here = chosen(ON_REDIS_7, arguments)
    yield run("Redis, SQLite", here, TESTS_BACKEND="redis", SEQUERE_REDIS_URL=servers.redis_7)


def with_workers(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    here = chosen(WITHOUT_CONTRACTS, arguments)
    yield run("Celery's workers, PostgreSQL", here, at_once=WITH_CELERY, SEQUERE_DATABASE_URL=servers.postgresql)


def with_contracts(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    urls = {"SEQUERE_DATABASE_URL": servers.postgresql}
    contracts = chosen([f"{WORKERS}/test_contracts.py"], arguments)
    yield run("Celery's workers, PostgreSQL, contracts", contracts, at_once=WITH_CELERY, **urls)
    urls["SEQUERE_REDIS_URL"] = servers.valkey
    urls["TESTS_BACKEND"] = "redis"
    yield run("Celery's workers, Valkey", chosen([WORKERS], arguments), at_once=WITH_CELERY, **urls)


def with_rabbitmq(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    urls = {"TESTS_BROKER_URL": servers.rabbitmq, "SEQUERE_DATABASE_URL": servers.postgresql}
    yield run("Celery's workers, RabbitMQ", chosen(WITHOUT_CONTRACTS, arguments), at_once=WITH_CELERY, **urls)


def on_other_versions(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    elsewhere = {*APART, *LATER_ON_SQLITE, *OF_ANY_VERSION} - {*OF_EACH_VERSION}
    yield run("Python and Django, SQLite", chosen(without(*sorted(elsewhere)), arguments))


def in_browser(servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    chromium_program()
    yield run("Chromium", chosen([BROWSER], arguments))


#: By name in --only, with its headline.
PARTS: dict[str, tuple[str, Part]] = {
    "sqlite": ("SQLite", on_sqlite),
    "postgresql": ("PostgreSQL", on_postgresql),
    "redis": ("Valkey", with_own_redis),
    "workers": ("Celery's workers", with_workers),
}
#: Parts that take longer, or need a program that only a distribution has.
EXTENDED: dict[str, tuple[str, Part]] = {
    "guides": ("The guides and the example", with_guides),
    "later": ("Later", left_for_later),
    "on_commit": ("PostgreSQL, on_commit", on_commit),
    "valkey": ("In Valkey", in_redis),
    "redis7": ("Redis", in_redis_7),
    "contracts": ("Celery's workers", with_contracts),
    "rabbitmq": ("RabbitMQ", with_rabbitmq),
    "browser": ("Chromium", in_browser),
}
#: By name alone, with another Python: newer ones come with newer versions of Django.
ALONE: dict[str, tuple[str, Part]] = {"versions": ("Python and Django", on_other_versions)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=PARTS | EXTENDED | ALONE, help="run only this part")
    parser.add_argument("--extended", action="store_true", help="run the parts that are left out by default")
    options, arguments = parser.parse_known_args()
    signal.signal(signal.SIGTERM, _terminated)

    names = [options.only] if options.only else EXTENDED if options.extended else PARTS
    outcomes: list[Outcome] = []
    try:
        with ExitStack() as running:
            servers = Servers(running)
            for name in names:
                if name in EXTENDED:
                    os.environ.setdefault("TESTS_ROUNDS", ROUNDS)
                outcomes += attempt(*(PARTS | EXTENDED | ALONE)[name], servers, arguments)
    except KeyboardInterrupt:
        return 130
    headline("Summary")
    print(*outcomes, sep="\n", flush=True)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def attempt(where: str, part: Part, servers: Servers, arguments: list[str]) -> Iterator[Outcome]:
    """The outcomes of a part. Unavailable servers are one outcome, a failure only in CI."""
    try:
        yield from part(servers, arguments)
    except ServerUnavailable as error:
        headline(where)
        print(error, flush=True)
        yield Outcome(where, ok=not CI, summary=f"not run: {str(error).splitlines()[0]}")


def without(*tests: str) -> list[str]:
    """All tests but these."""
    return [f"--ignore={path}" for path in tests]


def chosen(tests: list[str], arguments: list[str]) -> list[str]:
    """The tests, unless the arguments name others."""
    return arguments if any(argument.startswith("tests") for argument in arguments) else [*tests, *arguments]


def run(where: str, arguments: list[str], *, at_once: int = 1, **environment: str) -> Outcome:
    """Run pytest, with `at_once` tests for each processor."""
    given = {given_postgresql(), given_redis()} & {*environment.values()}
    headline(f"{where}, from the environment" if given else where)
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    environment = {**inherited, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment}
    workers = 0 if "--pdb" in arguments else min(os.cpu_count() or 1, MAX_WORKERS) * at_once
    with tempfile.TemporaryDirectory(prefix="sequere-", ignore_cleanup_errors=True) as directory:
        environment["TMPDIR"] = directory  # removed with whatever the tests leave behind
        report = Path(directory, "report.xml")
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"-n{workers}",
            "--dist=worksteal",
            f"--junitxml={report}",
            *arguments,
        ]
        code = _wait_for(subprocess.Popen(command, env=environment))
        summary = _counts(report) if report.exists() else "no report"
    if code not in {0, 1}:
        summary += f" (pytest ended with exit code {code})"
    return Outcome(where, ok=code == 0, summary=summary)


def headline(text: str) -> None:
    print(f"\n==== {text} ====", flush=True)


def _wait_for(pytest: subprocess.Popen[bytes]) -> int:
    """Return the exit code. Never leave pytest behind, and give it time to remove its databases."""
    try:
        return pytest.wait()
    except KeyboardInterrupt:  # pytest got the terminal's signal too
        pytest.wait(timeout=30)
        raise
    finally:
        if pytest.poll() is None:
            pytest.send_signal(signal.SIGINT)
            try:
                pytest.wait(timeout=30)
            finally:
                pytest.kill()


def _counts(report: Path) -> str:
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for name in totals:
            totals[name] += int(suite.get(name, 0))
    failed = totals["failures"] + totals["errors"]
    skipped = totals["skipped"]
    return f"{totals['tests'] - failed - skipped} passed, {failed} failed, {skipped} skipped"


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
