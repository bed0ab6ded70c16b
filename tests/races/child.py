"""A process whose children are to be killed: each line of its standard input is a task for one child.

`record SEED [STEP]`, `crowd SEED PROCESSES CHANGES`, `verbs SEED PROCESSES CHANGES`, `rebuild [STEP]` or
`command NAME …`, in the database of SEQUERE_DATABASE_URL. The child prints its process id, then its results line by
line; an empty line says that it is dead.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from random import Random

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()  # before children are forked, and models imported

from django.core.management import execute_from_command_line  # noqa: E402
from django.db import transaction  # noqa: E402

from sequere import ResourceKey, replay  # noqa: E402
from sequere.contrib.timeline import Timeline  # noqa: E402
from sequere.exceptions import Blocked, NotPending  # noqa: E402
from sequere.models import (  # noqa: E402
    accept,
    block,
    follow,
    move,
    mute,
    resume,
    suspend,
    unblock,
    unfollow,
    unmute,
)
from sequere.projections.registry import projections  # noqa: E402
from sequere.registry import registry  # noqa: E402
from tests.races.mortal import die_at  # noqa: E402
from tests.testapp.models import User  # noqa: E402
from tests.testapp.sequere_registry import JoinAction, LikeAction  # noqa: E402


def record(seed: str, step: str = "") -> None:
    """Follow, unfollow, publish, suspend and resume forever, among all users; one line for each committed event.

    With a step, the process kills itself there.
    """
    random = Random(seed)
    everybody = list(User.objects.order_by("pk"))
    if step:
        die_at(int(step))
    changes = [
        *(follow, follow, follow, follow, unfollow, unfollow),
        *[lambda one, _: Timeline(one).save(JoinAction(actor=one))] * 2,
        *(lambda one, _: suspend(one), lambda one, _: resume(one)),
    ]
    while True:
        one, other = random.sample(everybody, 2)
        if event := random.choice(changes)(one, other):
            say(event.pk)


def crowd(seed: str, processes: str, changes: str) -> None:
    """Processes that follow and unfollow at once, among a few of whom some are new; the host rolls back one transaction
    in 20. One line for each process: how many events it has committed."""
    at_once(int(processes), lambda number: committed(Random(f"{seed} {number}"), int(changes)))


def verbs(seed: str, processes: str, changes: str) -> None:
    """Processes that do anything that people do to each other, at once, among a few of whom some must be asked first.
    One line for each process: how many events it has recorded."""
    at_once(int(processes), lambda number: changed(Random(f"{seed} {number}"), int(changes)))


def at_once(processes: int, work: Callable[[int], int]) -> None:
    """Work in processes of their own, which say what it answers."""
    for number in range(processes):
        if os.fork() == 0:
            say(work(number))
            os._exit(0)
    for _ in range(processes):
        os.wait()


def changed(random: Random, changes: int) -> int:
    policy = type(registry.options_of(User))
    policy.requires_approval = lambda self, one, other: other.pk % 2 == 0
    everybody = list(User.objects.order_by("pk"))
    choices = [
        *[lambda one, other: follow(one, other, scope=random.choice(("", "watch")))] * 4,
        *[lambda one, _: Timeline(one).save(JoinAction(actor=one))] * 2,
        lambda one, other: Timeline(one).save(LikeAction(actor=other, target=one)),
        *(accept, unfollow, block, unblock, unblock, mute, unmute, move),
        *(lambda one, _: suspend(one), lambda one, _: resume(one)),
    ]
    events = 0
    for _ in range(changes):
        with suppress(Blocked, NotPending):
            events += random.choice(choices)(*random.sample(everybody, 2)) is not None
    return events


def committed(random: Random, changes: int) -> int:
    events = 0
    for _ in range(changes):
        one, other = (
            ResourceKey("user", str(number)) for number in random.sample([*range(1, 6), random.randint(10, 10**6)], 2)
        )
        with transaction.atomic():
            event = random.choice([follow, follow, unfollow])(one, other)
            is_rolled_back = random.random() < 0.05
            transaction.set_rollback(is_rolled_back)
        events += event is not None and not is_rolled_back
    return events


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
            tasks = {"record": record, "crowd": crowd, "verbs": verbs, "rebuild": rebuild, "command": command}
            tasks[task](*arguments)
            return
        os.waitpid(child, 0)
        say()


if __name__ == "__main__":
    main()
