"""Relations pause while one of their ends is suspended: the log says that they are live, and no read model has them.

When a resource is suspended or resumed, its relations are applied again, in steps. Whatever is decided about a relation
is decided under the locks of both ends, and the row of a resource says whether it is suspended. So a relation that
begins later knows of it, and each step does what is right at its time, however often it is repeated.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import router, transaction

from sequere.base import ResourceKey
from sequere.log.locks import lock, lock_found
from sequere.log.models import Event
from sequere.log.reading import History, latest_of
from sequere.log.suspensions import is_over, record_suspension, suspension
from sequere.relations.types import PAUSING
from sequere.sql.conditions import is_

#: Relations that a step applies again.
RELATIONS_PER_PAUSE = 500

_ENDS = ("actor_", "target_")


class PausePage(NamedTuple):
    """Some events that have begun relations of a resource, and where the next page begins; None after the last."""

    events: Sequence[Event]
    next: list[Any] | None

    @property
    def ends(self) -> set[ResourceKey]:
        return {end for event in self.events for end in (event.actor, event.target) if end}


def pause_page(key: ResourceKey, before: int | None, cursor: list[Any] | None, using: str) -> PausePage:
    """A page of the relations of a resource that can pause and have begun before an event, from a cursor on. Whether
    they are live matters to who applies them: so a page stays the same, with or without locks. 1 query, or 2."""
    end, after = cursor or (_ENDS[0], 0)
    begun = Event.objects.using(using).filter(type__in=PAUSING).order_by("pk")
    if before is not None:
        begun = begun.filter(pk__lt=before)
    events: list[Event] = []
    for one in _ENDS[_ENDS.index(end) :]:
        events += begun.filter(is_(key, one), pk__gt=after)[: RELATIONS_PER_PAUSE - len(events)]
        if len(events) == RELATIONS_PER_PAUSE:
            return PausePage(events, [one, events[-1].pk])
        after = 0
    return PausePage(events, None)


def change_suspension(key: ResourceKey, moment: datetime | None, *, suspends: bool, at_once: bool) -> Event | None:
    """Suspend or resume a resource; returns the event, None if there is nothing to record. The first step may be taken
    `at_once`, in its transaction: what that needs is locked as well.

    1 query if nothing changes, otherwise 2 more than `record()`, and 2 or 4 for the first step.
    """
    using = router.db_for_write(Event)
    latest = latest_of([suspension(key)], using)
    if is_over(History(latest.get(suspension(key)), latest)) is not suspends:
        return None
    with transaction.atomic(using=using):
        if at_once:
            _lock_with_first(key, using)
        else:
            lock([key], using)
        return record_suspension(key, moment, using, suspends=suspends)


def _lock_with_first(key: ResourceKey, using: str) -> None:
    """Lock a resource, and the ends of the first page."""
    lock_found(lambda: {key, *pause_page(key, None, None, using).ends}, lambda ends: lock(ends, using), using)
