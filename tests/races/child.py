"""A process whose children are to be killed: each line of its standard input is a task for one child.

`record SEED [STEP]`, `rebuild [STEP]` or `command NAME …`, in the database of SEQUERE_DATABASE_URL. The child prints
its process id, then its results line by line; an empty line says that it is dead.
"""

import os
import sys
from random import Random

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()  # before children are forked, and models imported

from django.core.management import execute_from_command_line  # noqa: E402

from sequere import replay  # noqa: E402
from sequere.contrib.timeline import Timeline  # noqa: E402
from sequere.models import follow, unfollow  # noqa: E402
from sequere.projections.registry import projections  # noqa: E402
from tests.races.mortal import die_at  # noqa: E402
from tests.testapp.models import User  # noqa: E402
from tests.testapp.sequere_registry import JoinAction  # noqa: E402


def record(seed: str, step: str = "") -> None:
    """Follow, unfollow and publish forever, among all users; one line for each committed event.

    With a step, the process kills itself there.
    """
    random = Random(seed)
    everybody = list(User.objects.order_by("pk"))
    if step:
        die_at(int(step))
    while True:
        one, other = random.sample(everybody, 2)
        change = random.choice([follow, follow, unfollow, lambda one, _: Timeline(one).save(JoinAction(actor=one))])
        if event := change(one, other):
            say(event.pk)


def rebuild(step: str = "") -> None:
    """Rebuild everything, or resume; one line for each batch. With a step, the process kills itself there."""
    if step:
        die_at(int(step))
    for name in projections():
        replay.rebuild(name, progress=say)


def command(*arguments: str) -> None:
    """A management command."""
    execute_from_command_line(["manage.py", *arguments])


def say(*what: object) -> None:
    """Write a whole line or nothing: print() writes its end separately, and a child may be killed in between."""
    sys.stdout.write(" ".join(map(str, what)) + "\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        task, *arguments = line.split()
        child = os.fork()
        if child == 0:
            say(os.getpid())
            {"record": record, "rebuild": rebuild, "command": command}[task](*arguments)
            return
        os.waitpid(child, 0)
        say()


if __name__ == "__main__":
    main()
