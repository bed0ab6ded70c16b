"""The follows that the log wants, with the uids of both ends."""

from collections.abc import Iterable
from functools import cache
from typing import cast

from django.db import connections

from sequere.backends.redis.sides import End, WantedFollow
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import last_event
from sequere.redis.scores import to_score
from sequere.relations.types import FOLLOWED
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement


def wanted_by(events: Iterable[Event], using: str) -> list[WantedFollow]:
    """What the log says now about the relations of these events: 1 query, and 1 more unless these are the last ones."""
    known = {event.pk: event for event in events}
    streams = {event.stream for event in known.values()}
    select, values = given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])
    with connections[using].cursor() as cursor:
        cursor.execute(_wanted(using).replace("{given}", select), values)
        rows = cursor.fetchall()
    others = [event_id for event_id, *_ in rows if event_id not in known]
    if others:
        known |= Event.objects.using(using).in_bulk(others)
    return [_follow(known[event_id], *uids) for event_id, *uids in rows]


def _follow(event: Event, from_uid: int, to_uid: int) -> WantedFollow:
    score = to_score(event.occurred_at) if event.type == FOLLOWED else ""
    return End(event.actor, from_uid), End(cast(ResourceKey, event.target), to_uid), score


@cache
def _wanted(using: str) -> str:
    last = last_event(using, "last", "given.stream")
    return statement(__package__, "wanted").format(given="{given}", last=last)
