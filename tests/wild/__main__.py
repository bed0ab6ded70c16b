"""Give every public entry what nobody should give it, and count the exceptions that are not ours.

`python -m tests.wild [--inputs 22500] [--on sqlite|postgresql|valkey] [--only follow]`: on each of the three, with
servers that it starts. Exit status 1 if an entry raises a database error, KeyError, AttributeError, UnicodeError or the
like, or records what cannot be applied. Nothing that it does is kept.
"""

import argparse
import logging
import os
import subprocess
import sys
from contextlib import ExitStack

import django

from example_project.servers.postgresql import postgresql
from example_project.servers.valkey import valkey

#: Where it runs, by the name in --on.
PLACES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "valkey": "Valkey, PostgreSQL"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wild", description=__doc__, allow_abbrev=False)
    # Some entries have fewer inputs than their share.
    parser.add_argument("--inputs", type=int, default=22_500)
    parser.add_argument("--on", choices=PLACES, help="only there")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the entries with this in their names")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return _try_here(options.inputs, options.only)
    again = ["--here", "--inputs", str(options.inputs), "--only", options.only]
    codes = [_try_on(place, again) for place in ([options.on] if options.on else PLACES)]
    return max(codes)


def _try_on(place: str, arguments: list[str]) -> int:
    """Try them in a process whose settings are those of a place."""
    with ExitStack() as servers:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TESTS_", "SEQUERE_"))}
        if place != "sqlite":
            environment["SEQUERE_DATABASE_URL"] = servers.enter_context(postgresql())
        if place == "valkey":
            environment |= {"TESTS_BACKEND": "redis", "SEQUERE_REDIS_URL": servers.enter_context(valkey())}
        print(f"{PLACES[place]}: ", end="", flush=True)
        return subprocess.run([sys.executable, "-m", "tests.wild", *arguments], env=environment, check=False).returncode


def _try_here(inputs: int, only: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    logging.disable(logging.CRITICAL)

    from django.db import transaction
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from tests.wild.entries import entries
    from tests.wild.trying import site, try_all

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with transaction.atomic():
            found = [one for one in entries(site()) if only in one.name]
            result = try_all(found, inputs)
            transaction.set_rollback(True)
    finally:
        teardown_databases(databases, verbosity=0)
    foreign = sum(result.foreign.values())
    print(
        f"{len(found)} entries × {result.tried:,} inputs, {result.answered:,} answered × {foreign:,} foreign exceptions"
    )
    for fault, number in result.foreign.most_common():
        print(f"{number:6} {fault}\n       {result.examples[fault]}")
    return 1 if foreign else 0


if __name__ == "__main__":
    sys.exit(main())
