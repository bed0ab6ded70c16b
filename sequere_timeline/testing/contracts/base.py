"""The base of all contracts of timelines."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from unittest.mock import patch

from django.db import models

from sequere.base import ResourceKey
from sequere.registry import registry
from sequere.testing.contracts import Contract
from sequere_timeline.actions import Action
from sequere_timeline.timeline import Timeline


class Joins(Action):
    verb: ClassVar[str] = "contract: joins"


class Likes(Action):
    verb: ClassVar[str] = "contract: likes"


def october(day: int, *, microsecond: int = 0) -> datetime:
    return datetime(2013, 10, day, microsecond=microsecond, tzinfo=UTC)


def save(
    actor: models.Model,
    day: int | datetime | None = None,
    target: models.Model | None = None,
    *,
    into: models.Model | None = None,
    kind: type[Action] = Joins,
) -> Action:
    """An action of `actor`, saved in a timeline, by default the actor's own."""
    action = kind(actor, target, october(day) if isinstance(day, int) else day)
    Timeline(into or actor).save(action)
    return action


class TimelineContract(Contract):
    """A contract with users and projects that join and like."""

    def setUp(self) -> None:
        super().setUp()
        options = registry.options_of(type(self.thoas))
        self.enterContext(patch.object(options, "actions", (*options.actions, Joins, Likes)))

    def configure(self, **settings: Any) -> None:
        """Change settings of timelines, named without prefix, until the end of the test."""
        prefixed = {f"SEQUERE_TIMELINE_{name}": value for name, value in settings.items()}
        self.enterContext(self.settings(**prefixed))

    def private(self, owner: models.Model | ResourceKey) -> list[Action]:
        """The private timeline, whose count must be right."""
        timeline = Timeline(owner)
        shown = list(timeline.get_private())
        self.assertEqual(timeline.get_private_count(), len(shown))
        return shown

    def public(self, owner: models.Model | ResourceKey) -> list[Action]:
        timeline = Timeline(owner)
        shown = list(timeline.get_public())
        self.assertEqual(timeline.get_public_count(), len(shown))
        return shown

    def days(self, owner: models.Model) -> list[int]:
        """The days of the actions in the private timeline, oldest first."""
        shown = [action.date.day for action in Timeline(owner).get_private(desc=False)]
        self.assertEqual(Timeline(owner).get_private_count(), len(shown))
        return shown

    def reasons(self, owner: models.Model) -> list[set[str]]:
        """The reasons of each entry of the private timeline."""
        return [set(action.reasons) for action in self.private(owner)]

    def assert_they_are_what_the_log_says(self) -> None:
        self.assertEqual(self.differences("timelines"), [])
