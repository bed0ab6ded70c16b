"""Measure Sequere beside the same work in raw psycopg or redis-py, in the same run.

`python -m tests.benchmarks database|redis [--quick]`: with follows and timelines in PostgreSQL, or in Valkey beside it;
`relations|relations-redis`: questions about many, lists that are made from others, and querysets, and verbs beside
follow();
`workers|workers-redis`: the same with Celery workers; `peers`: beside other packages, each in its own environment, and
`operations`: the same without them; `admin`: the cost of the admin pages with many events.
PostgreSQL is the server in SEQUERE_DATABASE_URL, or one that is started for the run; Valkey is always started. The
ratio says how many times as long Sequere takes.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import django
import psycopg
import redis

from example_project.servers.postgresql import postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import own_valkey
from tests.benchmarks.measuring import table
from tests.benchmarks.peers.comparison import compare


def main() -> int:
    measure = {
        "database": in_database,
        "redis": in_redis,
        "relations": of_relations,
        "relations-redis": partial(of_relations, in_redis=True),
        "workers": with_workers,
        "workers-redis": partial(with_workers, redis_too=True),
        "operations": beside_peers,
        "peers": partial(beside_peers, peers=True),
        "admin": in_admin,
    }
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, allow_abbrev=False)
    parser.add_argument("what", choices=measure)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    try:
        measure[options.what](quick=options.quick)
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def in_database(*, quick: bool) -> None:
    with postgresql() as url, database(url) as connection:
        from tests.benchmarks.raw import Raw
        from tests.benchmarks.scenarios import Scenarios

        run = Scenarios(Raw(connection), quick=quick)
        lines = [*run.replays()]
        memory = run.memory()
        for scenario in (run.follows, run.fan_outs, run.reads):
            lines += scenario()
        print(table(lines, "raw psycopg"))
        print(memory)


def in_redis(*, quick: bool) -> None:
    with postgresql() as url, own_valkey() as server:
        # The names of the keys are part of their memory.
        os.environ |= {"TESTS_BACKEND": "redis", "SEQUERE_REDIS_URL": server.url, "TESTS_PREFIX": "sequere:"}
        with database(url) as connection, redis.Redis.from_url(server.url) as client:
            from tests.benchmarks.redis_raw import RawRedis
            from tests.benchmarks.redis_scenarios import RedisScenarios

            run = RedisScenarios(RawRedis(connection, client), client, quick=quick)
            lines = [line for scenario in (run.replays, run.fan_outs, run.reads) for line in scenario()]
            print(table(lines, "raw redis-py"))
            print(*run.memory(), sep="\n")


def of_relations(*, quick: bool, in_redis: bool = False) -> None:
    """Questions about many, lists that are made from others, and querysets, around a celebrity."""
    how = {"rounds": 3 if quick else 7, "scale": 10 if quick else 1}
    with postgresql() as url, own_valkey() as server:
        if in_redis:
            os.environ |= {"TESTS_BACKEND": "redis", "SEQUERE_REDIS_URL": server.url, "TESTS_PREFIX": "sequere:"}
        with database(url) as connection, redis.Redis.from_url(server.url) as client:
            from tests.benchmarks import relations

            lines = relations.in_redis(client, **how) if in_redis else relations.in_database(connection, **how)
            print(table([*lines], "raw redis-py" if in_redis else "raw psycopg"))
            print(table([*relations.verbs(**how)], "follow"))


def with_workers(*, quick: bool, redis_too: bool = False) -> None:
    with ExitStack() as servers:
        url, broker = servers.enter_context(postgresql()), servers.enter_context(own_valkey())
        client = None
        os.environ |= {
            "TESTS_BROKER_URL": broker.url.replace("unix://", "redis+socket://"),
            "TESTS_PROJECTION_MODE": "celery",
            "TESTS_QUEUE": "sequere-benchmarks",
        }
        if redis_too:
            server = servers.enter_context(own_valkey())
            client = servers.enter_context(redis.Redis.from_url(server.url))
            os.environ |= {"TESTS_BACKEND": "redis", "SEQUERE_REDIS_URL": server.url}
        import tests.workers.app  # noqa: F401  # before Django is set up, as a project's __init__.py does

        connection = servers.enter_context(database(url))
        from tests.benchmarks.workers import WorkerScenarios

        run = WorkerScenarios(connection, client, quick=quick)
        print(table([*run.throughput()], "by hand"))
        print(*run.celebrity(), sep="\n")


def beside_peers(*, quick: bool, peers: bool = False) -> None:
    print(*compare(quick=quick, peers=peers), sep="\n\n")


def in_admin(*, quick: bool) -> None:
    with postgresql() as url, database(url) as connection:
        from tests.benchmarks.admin_scenarios import AdminScenarios

        run = AdminScenarios(connection, quick=quick)
        print(f"{run.number:,} events: {run.prepare()}")
        print(*run.lists(), sep="\n")
        print(run.export())


@contextmanager
def database(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Django set up for a new database on the server, and a connection to it without Django. Both let the server
    prepare statements."""
    os.environ |= {"SEQUERE_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings", "TESTS_PREPARED": "yes"}
    django.setup()
    from django.db import connection

    given = connection.settings_dict["NAME"]
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    # For other processes that take part.
    server, _, options = url.partition("?")
    os.environ["SEQUERE_DATABASE_URL"] = f"{server.rpartition('/')[0]}/{name}?{options}"
    try:
        with psycopg.connect(url, dbname=name, autocommit=True) as raw:
            yield raw
    finally:
        connection.creation.destroy_test_db(given, verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
