"""A process that records at random: `python -m tests.soak.writer SEED SECONDS`; prints the number of calls."""

import os
import sys
from random import Random
from time import monotonic

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
from tests.workers.app import app  # noqa: F401  # before Django is set up, as a project's __init__.py does

django.setup()

from sequere.contrib.timeline import Timeline  # noqa: E402
from sequere.models import follow, follow_many, unfollow  # noqa: E402
from tests.testapp.models import User  # noqa: E402
from tests.testapp.sequere_registry import JoinAction  # noqa: E402


def main(seed: str, seconds: str) -> None:
    random = Random(seed)
    everybody = list(User.objects.order_by("pk"))
    mine: list[JoinAction] = []
    calls, deadline = 0, monotonic() + float(seconds)
    while monotonic() < deadline:
        one, other = random.sample(everybody, 2)
        lot = random.random()
        if lot < 0.4:
            follow(one, other)
        elif lot < 0.6:
            unfollow(one, other)
        elif lot < 0.85 or not mine:
            action = JoinAction(actor=one)
            Timeline(one).save(action)
            mine.append(action)
        elif lot < 0.93:
            action = mine.pop(random.randrange(len(mine)))
            Timeline(action.actor).delete(action)
        elif lot < 0.98:
            Timeline(one).mark_as_read()
        else:
            follow_many((other, one) for other in random.sample(everybody, 20) if other != one)
        calls += 1
    print(calls)


if __name__ == "__main__":
    main(*sys.argv[1:])
