"""Walk through a follow: which of our files it touches, and how many calls it makes in each.

`python -m tests.benchmarks.walk`. The followed instance has published something. Other follows come first, so that
everything that is prepared once is there. The database is SQLite, in memory.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import django

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / package}{os.sep}" for package in ("sequere", "sequere_timeline"))


def main() -> None:
    for name in [*os.environ]:
        if name.startswith(("SEQUERE_", "TESTS_")):  # of a suite that has started this
            del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

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
