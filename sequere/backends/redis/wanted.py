"""The relations that the log wants, with the uids of both ends."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db import connections
from django.db.models.expressions import Col

from sequere.backends.redis.graphs import PLAIN, graph_numbers
from sequere.backends.redis.sides import End, WantedFollow
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import LAST_ID
from sequere.redis.scores import Score
from sequere.relations import recorded
from sequere.relations.key import graph_of
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere.sql.rows import fields_of, given


class Wanted(NamedTuple):
    """What the log wants."""

    relations: list[WantedFollow]
    #: The last event that was recorded by then.
    last_event: int


def wanted_by(events: Iterable[Event], using: str) -> Wanted:
    """What the log says now about the relations of these events. 1 query; with others than follows without a scope, 1
    more."""
    known = list(events)
    streams = {event.stream for event in known}
    select, values = given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])
    with connections[using].cursor() as cursor:
        cursor.execute(_wanted(using, settings.USE_TZ).replace("{given}", select), values)
        rows = cursor.fetchall()
    numbers: dict[tuple[str, str | None], int] = {(FOLLOWED, None): PLAIN, (UNFOLLOWED, None): PLAIN}
    if not all(map(is_plain_follow, known)):
        graphs = graph_numbers(using)
        numbers = {(type_, scope): graphs[graph_of(type_, scope or "")] for *_, type_, scope, _ in rows}
    relations = [
        WantedFollow(
            End(ResourceKey(*ends[:2]), ends[2]),
            End(ResourceKey(*ends[3:5]), ends[5]),
            "" if score is None else score,
            numbers[type_, scope],
        )
        for *ends, score, type_, scope, _ in rows
    ]
    return Wanted(relations, rows[0][-1] if rows else 0)


def is_plain_follow(event: Event) -> bool:
    """Whether an event is about a follow without a scope."""
    return event.type in {FOLLOWED, UNFOLLOWED} and not event.scope


@cache
def _wanted(using: str, has_time_zones: bool) -> str:  # a Score is written accordingly
    moment = Score(Col("wanted", Event._meta.get_field("occurred_at")))
    score, _ = Event.objects.using(using).query.get_compiler(using).compile(moment)
    columns = "actor_identifier, actor_object_id, actor_uid, target_identifier, target_object_id, target_uid"
    source = recorded.wanted_relations(using)
    return f"SELECT {columns}, {score}, type, scope, {LAST_ID} FROM {source} wanted"  # noqa: S608  # our names
