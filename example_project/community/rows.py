"""What a list shows of each resource: itself, and whether who looks at it follows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models

from example_project.community.models import User
from sequere.base import ResourceKey
from sequere.registry import registry


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list, with a button."""

    instance: models.Model
    key: ResourceKey
    #: Since when it follows or is followed, or by how many it is followed.
    note: Any = None
    #: None for oneself, and for who is not logged in: then there is no button.
    is_following: bool | None = None


def rows(viewer: User | AnonymousUser, noted: Iterable[tuple[models.Model, Any]]) -> list[Row]:
    """A row for each (instance, note). 1 query, none for who is not logged in."""
    noted = list(noted)
    others = [instance for instance, _ in noted if instance != viewer]
    following = viewer.is_following_many(others) if viewer.is_authenticated else {}
    return [Row(instance, registry.key_of(instance), note, following.get(instance)) for instance, note in noted]
