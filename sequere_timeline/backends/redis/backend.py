"""The questions that Redis answers about timelines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Self

from django.core.checks import CheckMessage, Error
from django.utils import timezone
from django.utils.module_loading import import_string

from sequere import conf as conf_of_follows
from sequere.backends.redis import backend as follows
from sequere.base import ResourceKey
from sequere.log.suspensions import SUSPENSIONS
from sequere.redis.connection import Connection, text, why_unusable
from sequere.redis.read_model import Places, RedisModel
from sequere.redis.scores import from_score, to_score
from sequere.redis.scripts import Script
from sequere.relations.intents import DELETED
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList
from sequere_timeline import conf
from sequere_timeline.actions import Action, load_actions
from sequere_timeline.backends.base import ActionList, BaseTimelineBackend, Filters, Reason
from sequere_timeline.backends.redis import names
from sequere_timeline.backends.redis.filling import fill
from sequere_timeline.backends.redis.hashes import FIELDS, from_fields
from sequere_timeline.backends.redis.keys import PATTERNS, TimelineKeys
from sequere_timeline.backends.redis.members import Member, beginning, parse
from sequere_timeline.backends.redis.projector import TimelinesProjector
from sequere_timeline.backends.redis.scripts import COUNT_ENTRIES, COUNT_UNREAD, READ_ENTRIES
from sequere_timeline.conf import TIMELINES
from sequere_timeline.intents import ACTION_SAVED, TIMELINE_READ
from sequere_timeline.visibility import HIDING

TIMELINES_SETTING = "SEQUERE_TIMELINE_BACKEND_OPTIONS"
TIMELINES_PREFIX = "sequere:timeline:"

#: Entries that an iteration reads together.
ENTRIES_AT_ONCE = 1000


class Shelf:
    """The timelines on a server, as readers see them."""

    def __init__(self, model: RedisModel, keys: TimelineKeys) -> None:
        self._model = model
        self._keys = keys

    def ask(self, script: Script, owner: ResourceKey, filters: Filters, *arguments: Any, private: bool) -> Any:
        """The answer of a script about a feed. 1 round trip, unless the feed has expired and is filled first."""
        key = self._keys.private(owner) if private else self._keys.public(owner)
        keys = [key, self._keys.names, self._keys.resource(owner)]
        first = (int(private), conf.seconds_to_keep(), *names.of_filters(filters), to_score(timezone.now()))
        command = script(keys, *first, *arguments)
        while True:
            (answer,) = self._model.read(command)
            if not private or answer != -1:
                return answer
            fill(owner, self._model.connection)

    def load(self, members: Sequence[Member]) -> list[Action | None]:
        """The actions of entries; None for an action that is gone, or whose actor is hidden.

        1 round trip, and 1 query per model class.
        """
        values = self._model.read(*(("HMGET", self._keys.action(member.id), *FIELDS) for member in members))
        return load_actions(
            [from_fields(fields, Reason.words(member.reasons)) for member, fields in zip(members, values, strict=True)]
        )

    def read_at(self, owner: ResourceKey) -> datetime | None:
        """1 round trip."""
        (score,) = self._model.read(("HGET", self._keys.resource(owner), "read"))
        return None if score is None else from_score(score)


@dataclass(frozen=True, slots=True)
class FeedRows:
    """The rows behind a list of actions."""

    shelf: Shelf
    owner: ResourceKey
    filters: Filters
    desc: bool
    private: bool

    def count(self) -> int:
        return int(self.shelf.ask(COUNT_ENTRIES, self.owner, self.filters, private=self.private))

    def rows(self, start: int, stop: int | None) -> list[Member]:
        return [member for _, member in self._page(start, stop)]

    def stream(self, start: int, stop: int | None) -> Iterator[Member]:
        """Each page begins after the last entry of the one before, even if that entry has moved."""
        left = None if stop is None else stop - start
        after: Place | None = None
        while left is None or left > 0:
            size = ENTRIES_AT_ONCE if left is None else min(left, ENTRIES_AT_ONCE)
            page = self._page(start, start + size) if after is None else self._page(0, size, after)
            yield from (member for _, member in page)
            if len(page) < size:
                return
            after = page[-1][0]
            left = None if left is None else left - size

    def page(self, size: int, after: Place | None) -> list[tuple[Place, Member]]:
        """1 round trip."""
        return self._page(0, size, after)

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[Member]) -> list[Action | None]:
        return self.shelf.load(rows)

    def _page(self, start: int, stop: int | None, after: Place | None = None) -> list[tuple[Place, Member]]:
        place = (beginning(after.tie), to_score(after.moment)) if after else ("", "")
        limits = (start, -1 if stop is None else stop, int(self.desc), *place)
        answer: Sequence[Any] = self.shelf.ask(READ_ENTRIES, self.owner, self.filters, *limits, private=self.private)
        entries = ((parse(text(member)), score) for member, score in zip(answer[::2], answer[1::2], strict=True))
        return [(Place(from_score(score), member.id), member) for member, score in entries]


class RedisBackend(BaseTimelineBackend):
    """Timelines in Redis, written after the commit of the events in the log."""

    def __init__(self) -> None:
        connection = Connection(TIMELINES_SETTING, conf.timeline_backend_options(), TIMELINES_PREFIX, TIMELINES)
        self._places = Places(connection, (ACTION_SAVED, TIMELINE_READ, DELETED, *HIDING, *SUSPENSIONS), TimelineKeys)
        self.projector = TimelinesProjector(self._places)

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self._places.model, self._places.keys)

    def private(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(FeedRows(self._shelf, owner, filters, desc, private=True))

    def public(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(FeedRows(self._shelf, owner, filters, desc, private=False))

    def read_at(self, owner: ResourceKey) -> datetime | None:
        return self._shelf.read_at(owner)

    def unread_count(self, owner: ResourceKey, filters: Filters, limit: int | None) -> int:
        return int(self._shelf.ask(COUNT_UNREAD, owner, filters, limit or "", private=True))

    def reset(self, using: str) -> None:
        self._places.model.reset(*PATTERNS)

    @classmethod
    def check(cls) -> list[CheckMessage]:
        options = conf.timeline_backend_options()
        if reason := why_unusable(TIMELINES_SETTING, options):
            hint = "See docs/settings.md for the options of the RedisBackend."
            return [Error(reason, hint=hint, id="sequere_timeline.E007")]
        ours, theirs = Connection(TIMELINES_SETTING, options, TIMELINES_PREFIX), _connection_of_follows()
        if theirs is None or not _have_keys_in_common(ours, theirs):
            return []
        return [
            Error(
                f"The prefixes {theirs.prefix!r} of the follows and {ours.prefix!r} of the timelines on one server mix"
                " up their keys.",
                hint="Give the timelines a prefix such as that of the follows with 'timeline:' behind it.",
                id="sequere_timeline.E010",
            )
        ]


def _connection_of_follows() -> Connection | None:
    """The connection of the follows, if they are in Redis. Wrong options are left to another check."""
    options = conf_of_follows.backend_options()
    try:
        backend = import_string(conf_of_follows.backend())
    except ImportError:
        return None
    are_there = isinstance(backend, type) and issubclass(backend, follows.RedisBackend)
    if not are_there or why_unusable(follows.FOLLOWS_SETTING, options):
        return None
    return Connection(follows.FOLLOWS_SETTING, options, follows.FOLLOWS_PREFIX)


def _have_keys_in_common(timelines: Connection, of_follows: Connection) -> bool:
    """Whether a reset of one backend would remove keys of the other. Both may have the same prefix."""
    ours, theirs = [pattern[:-1] for pattern in PATTERNS if pattern.endswith("*")], ["uid:"]
    return timelines.way == of_follows.way and (
        _meet(timelines, ours, of_follows, [*theirs, "global:"])
        or _meet(of_follows, theirs, timelines, [*ours, "global:"])
    )


def _meet(one: Connection, its: Iterable[str], other: Connection, others: Iterable[str]) -> bool:
    """Whether a key may belong to both."""
    pairs = product((one.prefix + start for start in its), (other.prefix + start for start in others))
    return any(mine.startswith(theirs) or theirs.startswith(mine) for mine, theirs in pairs)
