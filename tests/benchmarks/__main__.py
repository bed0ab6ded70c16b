"""Measure Sequere, each thing beside the same work in raw psycopg or redis-py, in the same run.

`python -m tests.benchmarks database|redis [--quick]`: with follows and timelines in PostgreSQL, or in Valkey beside it.
PostgreSQL is the server in SEQUERE_DATABASE_URL, or one that is started for the run; Valkey is always started. The
ratio tells how many times as long ours takes.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
import psycopg
import redis

from example_project.servers.postgresql import postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import own_valkey
from tests.benchmarks.measuring import table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, allow_abbrev=False)
    parser.add_argument("backend", choices=["database", "redis"])
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    measure = {"database": in_database, "redis": in_redis}[options.backend]
    try:
        measure(quick=options.quick)
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
        os.environ |= {"TESTS_BACKEND": "redis", "SEQUERE_REDIS_URL": server.url}
        with database(url) as connection, redis.Redis.from_url(server.url) as client:
            from tests.benchmarks.redis_raw import RawRedis
            from tests.benchmarks.redis_scenarios import RedisScenarios

            run = RedisScenarios(RawRedis(connection, client), client, quick=quick)
            lines = [line for scenario in (run.replays, run.fan_outs, run.reads) for line in scenario()]
            print(table(lines, "raw redis-py"))
            print(*run.memory(), sep="\n")


@contextmanager
def database(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Django set up for a new database on the server; and a connection to it without Django."""
    os.environ |= {"SEQUERE_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    django.setup()
    from django.db import connection

    given = connection.settings_dict["NAME"]
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    # What other processes that take part find.
    server, _, options = url.partition("?")
    os.environ["SEQUERE_DATABASE_URL"] = f"{server.rpartition('/')[0]}/{name}?{options}"
    try:
        with psycopg.connect(url, dbname=name, autocommit=True) as raw:
            yield raw
    finally:
        connection.creation.destroy_test_db(given, verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
