"""Give every public entry what nobody should give it, and count the exceptions that are not ours.

`python -m tests.wild [--inputs 20000] [--only follow]`: on SQLite, or on the database in SEQUERE_DATABASE_URL. Exit
status 1 if an entry raises a database error, KeyError, AttributeError, UnicodeError or the like. Nothing that it does
is kept.
"""

import argparse
import logging
import os
import sys

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wild", description=__doc__, allow_abbrev=False)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--only", default="", metavar="TEXT", help="only the entries with this in their names")
    options = parser.parse_args()
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
            found = [one for one in entries(site()) if options.only in one.name]
            result = try_all(found, options.inputs)
            transaction.set_rollback(True)
    finally:
        teardown_databases(databases, verbosity=0)
    for fault, number in result.foreign.most_common():
        print(f"{number:6} {fault}\n       {result.examples[fault]}")
    foreign = sum(result.foreign.values())
    print(
        f"{len(found)} entries × {result.tried:,} inputs, {result.answered:,} answered × {foreign:,} foreign exceptions"
    )
    return 1 if foreign else 0


if __name__ == "__main__":
    sys.exit(main())
