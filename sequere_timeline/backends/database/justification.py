"""Which actions of someone followed belong into a timeline, by the history of the follow alone."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import models


class Interval(NamedTuple):
    """Event ids between two others, both excluded; None for no bound."""

    after: int | None
    before: int | None


ALL = (Interval(None, None),)


def justified(changes: Iterable[tuple[int, bool]], *, imports: bool, removes: bool) -> tuple[Interval, ...]:
    """The event ids at which a published action is justified by a follow.

    `changes` are the events of the relation, oldest first, as (id, whether it is live from there on). With import
    on follow and removal on unfollow, what counts is whether it is live now. Without one of them it is the place
    of the action in the log, not the moment of looking: a late change changes nothing else than a timely one.
    """
    periods: list[Interval] = []
    for event_id, is_live in changes:
        if is_live:
            periods.append(Interval(event_id, None))
        elif periods:
            periods[-1] = Interval(periods[-1].after, event_id)
    if not periods:
        return ()
    last = periods[-1]
    live = last.before is None
    if imports:
        return ALL if live else () if removes else (Interval(None, last.before),)
    if removes:
        return (last,) if live else ()
    return tuple(periods)


def within(intervals: tuple[Interval, ...], column: str) -> models.Q:
    """The condition that an event id lies in one of the intervals."""
    if intervals == ALL:
        return models.Q()
    condition = models.Q(pk__in=[])
    for after, before in intervals:
        inside = models.Q()
        if after is not None:
            inside &= models.Q(**{f"{column}__gt": after})
        if before is not None:
            inside &= models.Q(**{f"{column}__lt": before})
        condition |= inside
    return condition
