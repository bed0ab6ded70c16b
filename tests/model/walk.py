"""A long random walk: operations of users, and between them damages, older states and restarts of the read models.

Each damage is found by a verification, or does no harm; a repair or a rebuild ends it; and the answers are always those
of the plain dicts.
"""

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from django.core.signals import setting_changed
from django.db import connections
from django.test import override_settings

from sequere.log import identity
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verifiable, verify
from tests.model.plain import Plain
from tests.model.test_histories import ENDS, EVERYTHING, USERS, Site

#: How many operations a walk has; the short form is part of the suite.
OPERATIONS = int(os.environ.get("TESTS_OPERATIONS", "30"))
SEED = int(os.environ.get("TESTS_SEED", "1"))
#: Operations after which the answers are compared.
LOOK_AFTER = 50

WEIGHTS = {
    "follow": 20,
    "unfollow": 10,
    "follow_many": 5,
    "unfollow_many": 2,
    "watch": 4,
    "unwatch": 2,
    "block": 3,
    "unblock": 2,
    "mute": 3,
    "unmute": 1,
    "ask": 6,
    "accept": 3,
    "accept_all": 1,
    "deny": 1,
    "cancel": 1,
    "remove_follower": 2,
    "clear": 1,
    "move": 1,
    "suspend": 3,
    "resume": 3,
    "save": 15,
    "publish": 10,
    "save_again": 5,
    "delete_action": 5,
    "delete": 3,
    "mark_as_read": 5,
    "damage": 3,
    "restore": 2,
    "restart": 1,
}


class Store(Protocol):
    """Where the read models are."""

    def snapshot(self) -> Any:
        """Everything that is there."""

    def restore(self, snapshot: Any) -> None:
        """Put back what was there."""

    def damage(self, random: Random) -> str:
        """Damage something; returns what."""

    def restart(self) -> None:
        """Stop the server, and start it again."""


def walk(store: Store, operations: int = OPERATIONS, seed: int = SEED) -> Counter[str]:
    """Returns how often each operation was done. Fails at the first difference, and says what came before."""
    with override_settings(SEQUERE_TIMELINE_MAX_LENGTH=None):
        return _Walk(store, seed).take(operations)


class _Walk:
    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.random = store, Random(seed)
        self.site = Site(Plain(imports=True, removes=True))
        self.snapshot = store.snapshot()
        self.last: list[Any] = [f"seed {seed}"]

    def take(self, operations: int) -> Counter[str]:
        done: Counter[str] = Counter()
        for number in range(1, operations + 1):
            (name,) = self.random.choices([*WEIGHTS], [*WEIGHTS.values()])
            done[name] += 1
            self._do(name)
            if number % LOOK_AFTER == 0 or number == operations:
                self._compare()
        return done

    def _do(self, name: str) -> None:
        if name in {"damage", "restore"}:
            what = self.store.damage(self.random) if name == "damage" else "an older state"
            if name == "restore":
                self.store.restore(self.snapshot)
            self.last.append(what)
            self._repair()
            self.snapshot = self.store.snapshot()
        elif name == "restart":
            self.last.append(name)
            restart(self.store)
        else:
            arguments = self._arguments()[name]()
            self.last.append((name, *arguments))
            self.site.do(name, *arguments)
        del self.last[1:-50]

    def _arguments(self) -> dict[str, Callable[[], tuple[Any, ...]]]:
        user, anything = (lambda: self.random.choice(USERS)), (lambda: self.random.choice(EVERYTHING))

        def day() -> int:
            return self.random.randint(0, 5)

        def pairs() -> list[Any]:
            return [(user(), anything()) for _ in range(self.random.randint(1, 6))]

        def saved() -> int:
            return self.random.randrange(max(len(self.site.saved) - 20, 0), len(self.site.saved) + 1)

        return {
            "follow": lambda: (user(), anything()),
            "unfollow": lambda: (user(), anything()),
            "follow_many": lambda: (pairs(),),
            "unfollow_many": lambda: (pairs(),),
            "mute": lambda: (user(), anything(), self.random.choice([*ENDS])),
            **dict.fromkeys(("watch", "unwatch", "block", "unblock", "unmute"), lambda: (user(), anything())),
            **dict.fromkeys(("ask", "cancel", "move"), lambda: (user(), anything())),
            **dict.fromkeys(("accept", "deny", "remove_follower"), lambda: (anything(), user())),
            **dict.fromkeys(("accept_all", "clear", "suspend", "resume"), lambda: (anything(),)),
            "save": lambda: (user(), user(), self.random.choice([None, anything()]), day()),
            "publish": lambda: (user(), anything(), day()),
            "save_again": lambda: (saved(), user()),
            "delete_action": lambda: (saved(),),
            "delete": lambda: (anything(),),
            "mark_as_read": lambda: (user(), day()),
        }

    def _repair(self) -> None:
        """What a verification finds, a repair or a rebuild mends; what it does not find does no harm."""
        for name in verifiable():  # events that wait for both may be applied once the first one is mended
            number = verify(name).wrong
            self.last.append({name: number})
            if number and (self.random.random() < 0.5 or verify(name, repair=True).failed or verify(name).wrong):
                rebuild(name)
        self._compare()

    def _compare(self) -> None:
        answers, expected = self.site.answers(capped=False), self.site.expected(capped=False)
        different = {
            f"{what} of {key}": (answers[key][what], true)
            for key, about in expected.items()
            for what, true in about.items()
            if answers[key][what] != true
        }
        assert different == {}, (different, *self.last[::-1])
        differences: list[str] = []
        for name in verifiable():
            verify(name, on_difference=lambda found: differences.append(str(found)))
        assert differences == [], (differences, *self.last[::-1])


def restart(store: Store) -> None:
    """Start the server again, and forget what the process remembers, as a new one would have to learn it."""
    store.restart()
    connections.close_all()
    identity._known.clear()
    for setting in ("SEQUERE_BACKEND", "SEQUERE_TIMELINE_BACKEND"):
        setting_changed.send(sender=walk, setting=setting, value=None, enter=True)
