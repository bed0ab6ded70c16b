"""The rows of the resources, which give them their uids. They are no read model: a rebuild leaves them as they are."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.log.uids import wrong_resources
from sequere.projections.reconciler import Comparison, Difference, Reconciler, SpanKeys, Uncounted


class _Events(Uncounted, SpanKeys):
    """All events."""


class RowComparison(Comparison):
    """Names the resources of the log that have no row, or several. With a repair, those without one get one."""

    def resources(self, keys: Mapping[ResourceKey, int], using: str) -> tuple[ResourceKey, ...]:
        return ()  # to lock one that is missing would create it

    def compare(self, keys: Mapping[ResourceKey, int], using: str, *, repair: bool) -> list[Difference]:
        if repair:
            lock([key for key, number in keys.items() if not number], using)
        return [Difference(f"rows of resource {key}", 1, number) for key, number in keys.items()]


def _wrong(events: "models.QuerySet[Any]", using: str) -> Mapping[ResourceKey, int] | None:
    return wrong_resources(events, using) or None


RESOURCE_ROWS = Reconciler("rows of resources", _Events(Event.objects.using, _wrong, size=10_000), RowComparison())
