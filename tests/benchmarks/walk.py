"""Walk through a follow: which of our files it touches, and how many calls it makes in each.

`python -m tests.benchmarks.walk`. The followed instance has published something. Other follows come first, so that
everything that is prepared once is there. The database is on the PostgreSQL server in SEQUERE_DATABASE_URL, or on one
that is started.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import django

from example_project.servers.postgresql import postgresql

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / package}{os.sep}" for package in ("sequere", "sequere_timeline"))


def main() -> None:
    for name in [*os.environ]:
        if name.startswith("TESTS_"):  # of a suite that has started this
            del os.environ[name]
    with postgresql() as url:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "SEQUERE_DATABASE_URL": url}
        django.setup()
        from django.db import connection

        connection.settings_dict["TEST"]["NAME"] = "walk"
        connection.creation.create_test_db(verbosity=0)
        try:
            walk()
        finally:
            connection.creation.destroy_test_db("walk", verbosity=0)


def walk() -> None:
    from sequere.contrib.timeline import Timeline
    from sequere.models import follow
    from tests.testapp.models import User
    from tests.testapp.sequere_registry import JoinAction

    thoas, *newbies = (User.objects.create(username=f"user{number}") for number in range(4))
    Timeline(thoas).save(JoinAction(actor=thoas))
    for newbie in newbies[:-1]:
        follow(newbie, thoas)
    calls = calls_of(lambda: follow(newbies[-1], thoas))
    print(f"A follow makes {calls.total()} calls in {len(calls)} files:")
    for path, number in calls.most_common():
        print(f"{number:6} {path}")


def calls_of(work: Callable[[], Any]) -> Counter[str]:
    """How often each of our files is called, a step of a generator being a call."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(OURS):
            calls[path.removeprefix(f"{ROOT}{os.sep}")] += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
