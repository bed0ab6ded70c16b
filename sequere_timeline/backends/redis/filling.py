"""Filling a private feed with what the log and the public feeds say.

A private feed that nobody reads expires, and so does one that a follow or an unfollow has changed: the next reader
fills it. New actions reach it from the moment that the reader begins; a withdrawn action makes the reader begin again.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import router

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.redis.connection import Connection, text
from sequere.relations.recorded import without_paused
from sequere.relations.types import FOLLOWED
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.members import Member, parse
from sequere_timeline.backends.redis.scripts import BEGIN_FILLING, FINISH_FILLING, NEWEST_ENTRIES
from sequere_timeline.visibility import ALWAYS, Follows, Interval, contains, intervals_of

#: How many entries a private feed keeps, unless the settings say otherwise.
DEFAULT_MAX_LENGTH = 800
#: Public feeds that are read together.
FEEDS_AT_ONCE = 200
#: Seconds after which a reader that has begun to fill a feed is taken to be dead.
SECONDS_TO_FILL = 60
#: The score of FLOOR in a feed that was never cut.
BOTTOMLESS = "-inf"


class SortKey(NamedTuple):
    """The order of the entries of a feed."""

    score: int
    id: int


class Content(NamedTuple):
    """The entries of a private feed, in no order, and the score of its floor."""

    entries: Mapping[SortKey, Member]
    floor: str


def fill(owner: ResourceKey, connection: Connection) -> None:
    """Fill the private feed of an owner, unless another reader has done so.

    1 query and 3 round trips; 1 round trip more for every 200 resources that the owner follows, and more if only some
    actions of a followed resource belong there.
    """
    key = TimelineKeys(connection).private(owner)
    while True:
        nonce = f"~{uuid4().hex}"
        (is_filled,) = connection.run([BEGIN_FILLING([key], nonce, SECONDS_TO_FILL)])
        if is_filled:
            return
        entries, floor = content(owner, connection, conf.max_length(default=DEFAULT_MAX_LENGTH))
        rows = [part for place, member in entries.items() for part in (place.score, str(member))]
        (is_filled,) = connection.run([FINISH_FILLING([key], nonce, conf.seconds_to_keep(), floor, *rows)])
        if is_filled:
            return


def content(owner: ResourceKey, connection: Connection, cap: int | None, lowest: str = BOTTOMLESS) -> Content:
    """What belongs into the private feed of an owner: the newest entries up to the cap, and none below a score."""
    keys = TimelineKeys(connection)
    entries: dict[SortKey, Member] = {}
    floor = lowest
    limit = -1 if cap is None else cap + 1
    for chunk in chunks(_sources(owner, keys), FEEDS_AT_ONCE):
        left, start = chunk, 0
        while left:
            newest = connection.run(NEWEST_ENTRIES([key], floor, start, limit) for key, *_ in left)
            unfinished: list[FeedSource] = []
            for source, rows in zip(left, newest, strict=True):
                _, reason, intervals = source
                found = list(_parsed(rows))
                if intervals != ALWAYS:
                    # Entries left out of a page make room for older ones.
                    if len(found) == limit:
                        unfinished.append(source)
                    found = _within(intervals, found, connection)
                for place, member in found:
                    before = entries.get(place)
                    entries[place] = member._replace(reasons=reason | (before.reasons if before else 0))
            if cap is not None and len(entries) > cap:
                kept = nlargest(cap, entries)
                entries = {place: entries[place] for place in kept}
                floor = str(kept[-1].score)
            left, start = unfinished, start + limit
    return Content(entries, floor)


#: A public or direct feed, why its actions are in the private feed, and which of them.
FeedSource = tuple[str, int, tuple[Interval, ...]]


def follows_of(owner: ResourceKey) -> Follows:
    """The follows that bring entries into the private feed of an owner, or may have done so. 1 query."""
    follows = Event.objects.using(router.db_for_write(Event)).filter(is_(owner, "actor_"), type=FOLLOWED, scope="")
    follows = without_paused(follows.current()) if conf.only_live_follows_count() else follows.filter(version=1)
    return {
        stream: (owner, ResourceKey(*target))
        for stream, *target in follows.values_list("stream", "target_identifier", "target_object_id")
    }


def _sources(owner: ResourceKey, keys: TimelineKeys) -> Iterator[FeedSource]:
    yield keys.public(owner), Reason.OWN, ALWAYS
    yield keys.direct(owner), Reason.DIRECT, ALWAYS
    relations = follows_of(owner)
    intervals: dict[UUID, tuple[Interval, ...]] = dict.fromkeys(relations, ALWAYS)
    if not conf.only_live_follows_count():
        intervals = intervals_of(relations, router.db_for_write(Event))
    for stream, (_, actor) in relations.items():
        if intervals[stream]:
            yield keys.public(actor), Reason.FOLLOWED, intervals[stream]


def _parsed(rows: Sequence[Any]) -> Iterator[tuple[SortKey, Member]]:
    for name, score in zip(rows[::2], rows[1::2], strict=True):
        member = parse(text(name))
        yield SortKey(round(float(score)), member.id), member


def _within(
    intervals: tuple[Interval, ...], found: list[tuple[SortKey, Member]], connection: Connection
) -> list[tuple[SortKey, Member]]:
    """The entries of actions that were published in the intervals."""
    keys = TimelineKeys(connection)
    published = connection.run([("HGET", keys.action(member.id), "published") for _, member in found])
    return [
        entry
        for entry, event_id in zip(found, published, strict=True)
        if event_id and contains(intervals, int(event_id))
    ]
