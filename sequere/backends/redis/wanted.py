"""The follows that the log wants, with the uids of both ends."""

from collections.abc import Iterable
from functools import cache

from django.db import connections
from django.db.models.expressions import Col

from sequere.backends.redis.sides import End, WantedFollow
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import last_event
from sequere.redis.scores import Score
from sequere.relations.types import FOLLOWED
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement


def wanted_by(events: Iterable[Event], using: str) -> list[WantedFollow]:
    """What the log says now about the relations of these events. 1 query."""
    streams = {event.stream for event in events}
    select, values = given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])
    with connections[using].cursor() as cursor:
        cursor.execute(_wanted(using).replace("{given}", select), values)
        rows = cursor.fetchall()
    return [
        (
            End(ResourceKey(from_identifier, from_object_id), from_uid),
            End(ResourceKey(to_identifier, to_object_id), to_uid),
            "" if score is None else score,
        )
        for from_identifier, from_object_id, from_uid, to_identifier, to_object_id, to_uid, score in rows
    ]


@cache
def _wanted(using: str) -> str:
    last = last_event(using, "last", "given.stream")
    moment = Score(Col("last", Event._meta.get_field("occurred_at")))
    score, _ = Event.objects.using(using).query.get_compiler(using).compile(moment)
    return statement(__package__, "wanted").format(given="{given}", last=last, score=score, begun=FOLLOWED)
