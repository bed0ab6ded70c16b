"""Keeps the timelines in Redis equal to the log."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from typing import Any, cast
from uuid import UUID

from django.db.models.lookups import Exact

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.numbers import VERB, number_names
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.log.suspensions import SUSPENSIONS
from sequere.outbox.enqueue import queue_fan_out
from sequere.projections.projector import Chunk, NewRelation
from sequere.projections.reconciler import Cursor, Reconciler
from sequere.redis.connection import Connection, text
from sequere.redis.layout import foreign_reconciler, type_reconciler
from sequere.redis.read_model import Places, RebuildStart, RedisModel, RedisPlan
from sequere.redis.scores import to_score
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline.backends.redis.actions import ACTION_KEYS, ActionComparison
from sequere_timeline.backends.redis.generations import DELETED_KEYS, GenerationComparison
from sequere_timeline.backends.redis.hidden import HIDER_KEYS, HiddenComparison, hidden_texts, orphaned_hider_keys
from sequere_timeline.backends.redis.keys import PATTERNS, TIMELINE_LAYOUT, TimelineKeys
from sequere_timeline.backends.redis.known_names import NameFieldComparison, NameFields
from sequere_timeline.backends.redis.marks import MARK_KEYS, MarkComparison, orphaned_mark_keys
from sequere_timeline.backends.redis.members import parse
from sequere_timeline.backends.redis.names import numbers_for
from sequere_timeline.backends.redis.orphans import OrphanComparison, stored_keys
from sequere_timeline.backends.redis.private import PrivateComparison, owner_keys
from sequere_timeline.backends.redis.publishers import PublisherComparison, orphaned_publisher_keys
from sequere_timeline.backends.redis.scripts import DROP_FEED, DROP_FEEDS, FENCE_ACTOR, NEWEST_ENTRIES
from sequere_timeline.backends.redis.writer import Writer
from sequere_timeline.conf import TIMELINES
from sequere_timeline.history import ActionHistory, Life, ended_by, histories, named_in
from sequere_timeline.intents import ACTION_SAVED, SavedIn
from sequere_timeline.marks import read_marks
from sequere_timeline.projector import BaseTimelinesProjector, FanOut, News

#: Actions that are written together.
ACTIONS_AT_ONCE = 500
#: Resources that one command is about, and follows.
RESOURCES_PER_COMMAND = 500
FOLLOWS_PER_COMMAND = 1000


class TimelinesProjector(BaseTimelinesProjector):
    """Actions, timelines and read marks, after the commit of the events in the log."""

    is_transactional = False
    may_come_back_older = True

    def __init__(self, places: Places[TimelineKeys]) -> None:
        self._places = places

    @property
    def reconcilers(self) -> Sequence[Reconciler]:  # type: ignore[override]  # others where the prefix is another
        return (*self._repaired(), foreign_reconciler(self._connection))

    def _repaired(self) -> Sequence[Reconciler]:
        """First what the log knows, then what only Redis has."""
        model, connection = self._model, self._connection
        return (
            type_reconciler(connection, TIMELINE_LAYOUT),
            Reconciler("generations", DELETED_KEYS, GenerationComparison(model)),
            Reconciler("names", NameFields(connection), NameFieldComparison(model)),
            Reconciler("actions", ACTION_KEYS, ActionComparison(model)),
            Reconciler("orphans", stored_keys(connection), OrphanComparison(model)),
            Reconciler("private timelines", owner_keys(connection), PrivateComparison(model)),
            Reconciler("read marks", MARK_KEYS, MarkComparison(model)),
            Reconciler("hidden actors", HIDER_KEYS, HiddenComparison(model)),
            Reconciler("orphaned hidden actors", orphaned_hider_keys(connection), HiddenComparison(model)),
            Reconciler("orphaned read marks", orphaned_mark_keys(connection), MarkComparison(model)),
            Reconciler("orphaned publishers", orphaned_publisher_keys(connection), PublisherComparison(model)),
        )

    def take_in(self, news: News, using: str) -> None:
        """1 round trip for all follows; 3 for a new action, 4 for another one, and 2 for every 1,000 followers more."""
        if news.follows or news.deleted:
            self._expire(news.follows, news.deleted)
        readers = news.readers | news.deleted
        if not (news.actions or readers or news.hiders):
            return
        # Before the log is read. A process that loses its locks in between must not draw a larger token than the next
        # one that locks.
        are_stored = [("EXISTS", self._keys.action(id_)) for id_ in news.new]
        actors = [self._keys.resource(actor) for actor in {*news.new.values()}]
        token, stored = self._model.begin(are_stored, using, news.event_ids, fenced=actors)
        absent = {id_ for id_, is_stored in zip(news.new, stored, strict=True) if not is_stored}
        if news.deleted:
            self._store_generations(news.deleted, token, using)
            for key in news.deleted:
                news.actions.update(self._concerned_by(key, using))
        for streams in chunks(news.actions, ACTIONS_AT_ONCE):
            self._write(streams, token, using, news.named, absent)
        if readers:
            self._mark(readers, token, using)
        if news.hiders:
            writer = self._writer((), token, using)
            writer.hide(hidden_texts(news.hiders, using))
            writer.finish()
        for event in news.suspensions:
            queue_fan_out(TIMELINES, event.pk, event.stream, event.actor, Chunk(0, None), using)

    def take_in_follows(self, follows: Sequence[Event], using: str) -> None:
        self._expire(follows, ())

    def apply_directly(self, new: NewRelation, servers: dict[str, str], *, using: str) -> bool:
        """Let the feed of the follower be filled anew, if it is a follow without a scope."""
        event = new.event
        if event.type not in {FOLLOWED, UNFOLLOWED} or event.scope:
            return False
        target, follower = cast(ResourceKey, event.target), event.actor
        keys = [self._model.built, self._model.note, self._keys.resource(target), self._keys.private(follower)]
        self._model.write_directly(DROP_FEED(keys, int(event.type == FOLLOWED)), event.pk, servers, using)
        return True

    def prepare(self, events: Sequence[Event], *, using: str) -> None:
        """1 statement. A number that a drain has drawn, and lost again with its transaction, would stay in Redis."""
        if verbs := {event.verb for event in events if event.type == ACTION_SAVED}:
            number_names(VERB, verbs, using)

    def applying(self) -> AbstractContextManager[None]:
        return self._connection.gathering()

    def is_lost(self, using: str) -> bool:
        return self._model.is_lost(using)

    def checkpoint(self, using: str) -> None:
        """2 round trips at most, 6 statements."""
        self._model.make_checkpoint(using)

    def examine_server(self) -> str:
        """1 round trip. Raises BackendUnavailable, also if the server only refuses writes."""
        return self._model.connection.examine_server()

    def where(self) -> str:
        return self._connection.prefix

    def is_foreign(self, using: str) -> bool:
        return self._model.is_foreign(using)

    def begin(self, using: str) -> RedisPlan:
        return RedisPlan(self._repaired(), self._model, self._model.start_rebuild(using, PATTERNS))

    def resume(self, state: Mapping[str, Any]) -> RedisPlan:
        return RedisPlan(self._repaired(), self._model, RebuildStart(**state))

    @property
    def _model(self) -> RedisModel:
        return self._places.model

    @property
    def _keys(self) -> TimelineKeys:
        return self._places.keys

    @property
    def _connection(self) -> Connection:
        return self._model.connection

    def _write(
        self,
        streams: Collection[UUID],
        token: int,
        using: str,
        named: Collection[ResourceKey],
        absent: Collection[int],
    ) -> None:
        """Make these actions, whose actors are locked, and their entries what the log says. 1 query, or 2.

        `absent` are the ids of actions of which nothing was stored when their actors were fenced.
        """
        of_streams = sorted(histories(streams, using, named).values(), key=_first_id)
        former = [life for history in of_streams for life in history.former]
        present = [history.present for history in of_streams if history.present]
        states = self._states([*former, *(life for life in present if life.id not in absent)], token)
        writer = self._writer([*former, *present], token, using)
        gone = [life for life in former if states[life.id][0] is not None]
        deleted = [life for life in gone if life.ended]
        writer.retract(deleted)
        writer.remove([life for life in gone if not life.ended])
        writer.save(present)
        reached = {id_: state[1] for id_, state in states.items()}
        not_reached = [life for life in present if life.published and reached.get(life.id) != str(life.published)]
        fan_outs = [
            *(_withdrawal(life, writer) for life in deleted),
            *(_publication(life, writer) for life in not_reached),
        ]
        self.start_fan_outs(fan_outs, using)
        writer.finish()

    def _states(self, lives: Collection[Life], token: int) -> dict[int, list[str | None]]:
        """By which event each action is published, and by which one all have it, as far as it is stored. 1 round trip,
        none for no actions.

        One of which nothing is stored may need no writing, but a late writer must not write it either.
        """
        actors = dict.fromkeys(life.actor for life in lives)
        fences = [FENCE_ACTOR([self._keys.resource(actor)], token) for actor in actors]
        stored = (("HMGET", self._keys.action(life.id), "published", "reached") for life in lives)
        answers = self._connection.run([*fences, *stored])[len(fences) :]
        return {life.id: [part and text(part) for part in state] for life, state in zip(lives, answers, strict=True)}

    def fan_out_resources(self, event: Event, cursor: Cursor | None, *, using: str) -> Iterable[ResourceKey]:
        """1 query if a resource is suspended or resumed."""
        if event.type not in SUSPENSIONS:
            return self.resources(event)
        saved = _saved_directly(event, cursor, using)
        return {event.actor, *(key for one in saved for key in named_in(one))}

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        """Of a resource that is suspended or resumed, write the actions that were saved in timelines of others."""
        if event.type not in SUSPENSIONS:
            return super().fan_out(event, cursor, using=using)
        saved = _saved_directly(event, cursor, using)
        token, _ = self._model.begin([], using, [event.pk])
        named = {key for one in saved for key in named_in(one)}
        self._write({one.stream for one in saved}, token, using, named, ())
        return Chunk(len(saved), [saved[-1].pk] if len(saved) == ACTIONS_AT_ONCE else None)

    def publication(self, event: Event, using: str) -> FanOut | None:
        """4 queries, or 3, and 1 round trip."""
        token, _ = self._model.begin([], using, [event.pk])
        life = histories([event.stream], using, [*named_in(event)])[event.stream].present
        return _publication(life, self._writer([life], token, using)) if life and life.published == event.pk else None

    def withdrawal(self, event: Event, using: str) -> FanOut | None:
        """4 queries, or 3, and 1 round trip."""
        token, _ = self._model.begin([], using, [event.pk])
        life = ended_by(event, using)
        return _withdrawal(life, self._writer([life], token, using)) if life else None

    def _writer(self, lives: Collection[Life], token: int, using: str) -> Writer:
        return Writer(self._connection, token, numbers_for(lives, using), using)

    def _mark(self, owners: Collection[ResourceKey], token: int, using: str) -> None:
        """Store until when owners have read. 1 query, 1 round trip."""
        marks = {owner: to_score(mark) for owner, mark in read_marks(owners, using).items()}
        writer = self._writer((), token, using)
        writer.mark({owner: marks.get(owner) for owner in owners})
        writer.finish()

    def _expire(self, follows: Sequence[Event], deleted: Collection[ResourceKey]) -> None:
        """Remove the private feeds that have changed; the next reader of each fills it. 1 round trip.

        A fan-out that has lost its locks, and still reaches the followers as they were, is refused. That of a deleted
        publisher, too: the deletion may not have reached all its followers yet.
        """
        pairs = {(str(event.target), str(event.actor)) for event in follows}
        keys = (self._keys.resources, self._keys.all_private)
        self._connection.later(
            [
                *(
                    DROP_FEEDS([self._model.last_token], *keys, *chain.from_iterable(some))
                    for some in chunks(pairs, FOLLOWS_PER_COMMAND)
                ),
                *(
                    ("UNLINK", *map(self._keys.private, some))
                    for some in chunks(sorted(deleted), RESOURCES_PER_COMMAND)
                ),
            ]
        )

    def _store_generations(self, keys: Collection[ResourceKey], token: int, using: str) -> None:
        latest = latest_of(map(lifecycle, keys), using)
        writer = self._writer((), token, using)
        writer.store_generations({event.actor: event.version for event in latest.values()})
        writer.finish()

    def _concerned_by(self, key: ResourceKey, using: str) -> set[UUID]:
        """The streams of the actions of a deleted instance, of those upon it, and of those saved in its timeline."""
        saved = Event.objects.using(using).filter(type=ACTION_SAVED, version=1)
        own_or_upon = saved.filter(is_(key, "actor_") | is_(key, "target_"))
        (members,) = self._connection.run([NEWEST_ENTRIES([self._keys.direct(key)], "-inf", 0, -1)])
        ids = [parse(text(member)).id for member in members[::2]]
        direct = Event.objects.using(using).filter(pk__in=ids)
        return {*own_or_upon.values_list("stream", flat=True), *direct.values_list("stream", flat=True)}


def _saved_directly(event: Event, cursor: Cursor | None, using: str) -> list[Event]:
    """Some of the events before another one that have saved an action of its actor in the timeline of somebody else,
    from a cursor on. 1 query."""
    saved = Event.objects.using(using).filter(is_(event.actor, "actor_"), type=ACTION_SAVED, pk__lt=event.pk)
    elsewhere = saved.filter(~Exact(SavedIn(), str(event.actor)), pk__gt=cursor[0] if cursor else 0)
    return list(elsewhere.order_by("pk")[:ACTIONS_AT_ONCE])


def _publication(life: Life, writer: Writer) -> FanOut:
    return FanOut(cast(int, life.published), life.uid, life.actor, partial(writer.publish, life))


def _withdrawal(life: Life, writer: Writer) -> FanOut:
    return FanOut(cast(int, life.ended), life.uid, life.actor, partial(writer.withdraw, life))


def _first_id(history: ActionHistory) -> int:
    return min(life.id for life in history.lives())
