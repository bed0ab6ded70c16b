"""Rebuilding the projector of a host: subject by subject."""

from collections.abc import Sequence
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource, lock
from sequere.log.models import Event
from sequere.outbox.drain import forget, hold
from sequere.projections.projector import Projector
from sequere.projections.reconciler import RowPass


class SubjectPass(RowPass):
    """The subjects of a projector of the host, which are forgotten and applied again."""

    columns = KEY
    size = 100

    def __init__(self, name: str, projector: Projector) -> None:
        self.name = name
        self._projector = projector

    def rows(self, using: str) -> "models.QuerySet[Any]":
        return Resource.objects.using(using)

    def keys(self, rows: list[Any], using: str) -> Sequence[ResourceKey]:
        return [ResourceKey(*row) for row in rows]

    def apply_again(self, keys: Sequence[ResourceKey], using: str) -> None:
        """In a transaction, since nobody else may apply anything meanwhile."""
        hold(self.name, using)
        lock(keys, using)
        self._projector.reset(keys, using=using)
        events = Event.objects.using(using).about(keys).order_by("id")
        self._projector.apply(events.iterator(chunk_size=2000), using=using)
        forget(self.name, keys, using)
