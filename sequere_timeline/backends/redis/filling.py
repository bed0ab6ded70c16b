"""Filling a private timeline: what the log and the public timelines say that is in it.

A timeline that nobody reads expires, and so does one that a follow or an unfollow has changed: the next reader fills
it. From the moment he begins, new actions reach it too, and what is withdrawn meanwhile makes him begin again.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import router

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.types import FOLLOWED
from sequere.redis.connection import Connection, text
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.redis.keys import Keys
from sequere_timeline.backends.redis.members import Member, parse
from sequere_timeline.backends.redis.scripts import FILL, FILLED, NEWEST
from sequere_timeline.visibility import ALL, Interval, Relations, contains, intervals_of, only_live_follows_count

#: How many entries a private timeline keeps, if the settings say nothing.
MAX_LENGTH = 800
#: Public timelines that are read at once.
TIMELINES_AT_ONCE = 200
#: Seconds after which who has begun to fill a timeline is taken to be dead.
PATIENCE = 60
#: The score of the floor of a timeline from which nothing was cut.
BOTTOMLESS = "-inf"


class Place(NamedTuple):
    """Where an entry stands: ordered as timelines are."""

    score: int
    id: int


class Content(NamedTuple):
    """The entries of a private timeline, in no order, and the score of its floor."""

    entries: Mapping[Place, Member]
    floor: str


def fill(owner: ResourceKey, connection: Connection) -> None:
    """Fill the timeline of an owner, unless somebody else has done so. 1 query and 3 round trips; 1 more for every 200
    whom he follows. Where not all that one of them has published belongs there, more."""
    key = Keys(connection).private(owner)
    while True:
        nonce = f"~{uuid4().hex}"
        (is_filled,) = connection.run([FILL([key], nonce, PATIENCE)])
        if is_filled:
            return
        entries, floor = content(owner, connection, conf.max_length(default=MAX_LENGTH))
        rows = [part for place, member in entries.items() for part in (place.score, str(member))]
        (is_filled,) = connection.run([FILLED([key], nonce, conf.seconds_to_keep(), floor, *rows)])
        if is_filled:
            return


def content(owner: ResourceKey, connection: Connection, cap: int | None, lowest: str = BOTTOMLESS) -> Content:
    """What is in the private timeline of an owner: the newest entries up to the cap, and none below a score."""
    keys = Keys(connection)
    entries: dict[Place, Member] = {}
    floor = lowest
    limit = -1 if cap is None else cap + 1
    for chunk in chunks(_sources(owner, keys), TIMELINES_AT_ONCE):
        left, start = chunk, 0
        while left:
            newest = connection.run(NEWEST([key], floor, start, limit) for key, *_ in left)
            go_on: list[Source] = []
            for source, rows in zip(left, newest, strict=True):
                _, reason, intervals = source
                found = list(_parsed(rows))
                if intervals != ALL:
                    # What is left out of a page leaves room for what is behind it.
                    if len(found) == limit:
                        go_on.append(source)
                    found = _within(intervals, found, connection)
                for place, member in found:
                    before = entries.get(place)
                    entries[place] = member._replace(reasons=reason | (before.reasons if before else 0))
            if cap is not None and len(entries) > cap:
                kept = nlargest(cap, entries)
                entries = {place: entries[place] for place in kept}
                floor = str(kept[-1].score)
            left, start = go_on, start + limit
    return Content(entries, floor)


#: A sorted set, why its actions are in the timeline, and which of them.
Source = tuple[str, int, tuple[Interval, ...]]


def followed_by(owner: ResourceKey) -> Relations:
    """The follows that bring something into the timeline of an owner, or may have done so. 1 query."""
    follows = Event.objects.using(router.db_for_write(Event)).filter(is_(owner, "actor_"), type=FOLLOWED)
    follows = follows.current() if only_live_follows_count() else follows.filter(version=1)
    return {
        stream: (owner, ResourceKey(*target))
        for stream, *target in follows.values_list("stream", "target_identifier", "target_object_id")
    }


def _sources(owner: ResourceKey, keys: Keys) -> Iterator[Source]:
    yield keys.public(owner), Reason.OWN, ALL
    yield keys.direct(owner), Reason.DIRECT, ALL
    relations = followed_by(owner)
    intervals: dict[UUID, tuple[Interval, ...]] = dict.fromkeys(relations, ALL)
    if not only_live_follows_count():
        intervals = intervals_of(relations, router.db_for_write(Event))
    for stream, (_, actor) in relations.items():
        if intervals[stream]:
            yield keys.public(actor), Reason.FOLLOWED, intervals[stream]


def _parsed(rows: Sequence[Any]) -> Iterator[tuple[Place, Member]]:
    for name, score in zip(rows[::2], rows[1::2], strict=True):
        member = parse(text(name))
        yield Place(round(float(score)), member.id), member


def _within(
    intervals: tuple[Interval, ...], found: list[tuple[Place, Member]], connection: Connection
) -> list[tuple[Place, Member]]:
    """Those that were published in the intervals."""
    keys = Keys(connection)
    published = connection.run([("HGET", keys.action(member.id), "published") for _, member in found])
    return [
        entry
        for entry, event_id in zip(found, published, strict=True)
        if event_id and contains(intervals, int(event_id))
    ]
