"""Measure Sequere on PostgreSQL, each thing beside the same work in raw psycopg, in the same run.

`python -m tests.benchmarks [--quick]`; PostgreSQL is the server in SEQUERE_DATABASE_URL, or one that is started for
the run. The ratio tells how many times as long ours takes.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
import psycopg

from servers.postgresql import postgresql
from servers.process import ServerUnavailable
from tests.benchmarks.measuring import table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    try:
        with postgresql() as url, database(url) as connection:
            measure(connection, quick=options.quick)
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def database(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Django set up for a new database on the server; and a connection to it without Django."""
    os.environ |= {"SEQUERE_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    django.setup()
    from django.db import connection

    given = connection.settings_dict["NAME"]
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with psycopg.connect(url, dbname=name, autocommit=True) as raw:
            yield raw
    finally:
        connection.creation.destroy_test_db(given, verbosity=0)


def measure(connection: psycopg.Connection[tuple[object, ...]], *, quick: bool) -> None:
    from tests.benchmarks.raw import Raw
    from tests.benchmarks.scenarios import Scenarios

    run = Scenarios(Raw(connection), quick=quick)
    lines = [*run.replays()]
    memory = run.memory()
    for scenario in (run.follows, run.fan_outs, run.reads):
        lines += scenario()
    print(table(lines))
    print(memory)


if __name__ == "__main__":
    sys.exit(main())
