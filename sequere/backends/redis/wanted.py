"""The relations that the log wants, with the uids of both ends."""

from collections.abc import Iterable
from functools import cache

from django.conf import settings
from django.db import connections
from django.db.models.expressions import Col

from sequere.backends.redis.graphs import PLAIN, graph_numbers
from sequere.backends.redis.sides import End, WantedFollow
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.redis.scores import Score
from sequere.relations import recorded
from sequere.relations.key import FOLLOWS, graph_of
from sequere.sql.rows import fields_of, given

#: The types of the events about follows.
_OF_FOLLOWS = (FOLLOWS.type.begun.name, FOLLOWS.type.ended.name)


def wanted_by(events: Iterable[Event], using: str) -> list[WantedFollow]:
    """What the log says now about the relations of these events. 1 query; with others than follows without a scope, 1
    more."""
    known = list(events)
    streams = {event.stream for event in known}
    select, values = given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])
    with connections[using].cursor() as cursor:
        cursor.execute(_wanted(using, settings.USE_TZ).replace("{given}", select), values)
        rows = cursor.fetchall()
    numbers = dict.fromkeys(((type_, None) for type_ in _OF_FOLLOWS), PLAIN)
    if any(event.scope or event.type not in _OF_FOLLOWS for event in known):
        graphs = graph_numbers(using)
        numbers = {(type_, scope): graphs[graph_of(type_, scope or "")] for *_, type_, scope in rows}
    return [
        WantedFollow(
            End(ResourceKey(from_identifier, from_object_id), from_uid),
            End(ResourceKey(to_identifier, to_object_id), to_uid),
            "" if score is None else score,
            numbers[type_, scope],
        )
        for from_identifier, from_object_id, from_uid, to_identifier, to_object_id, to_uid, score, type_, scope in rows
    ]


@cache
def _wanted(using: str, has_time_zones: bool) -> str:  # a Score is written accordingly
    moment = Score(Col("wanted", Event._meta.get_field("occurred_at")))
    score, _ = Event.objects.using(using).query.get_compiler(using).compile(moment)
    columns = "actor_identifier, actor_object_id, actor_uid, target_identifier, target_object_id, target_uid"
    source = recorded.wanted_relations(using)
    return f"SELECT {columns}, {score}, type, scope FROM {source} wanted"  # noqa: S608  # our names
