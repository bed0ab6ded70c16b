"""Keeps the timelines in Redis equal to the log."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, cast
from uuid import UUID

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.redis.connection import Connection, text
from sequere.redis.model import RedisModel
from sequere.redis.scores import to_score
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline.backends.redis.keys import Keys
from sequere_timeline.backends.redis.members import parse
from sequere_timeline.backends.redis.names import hand_out, look_up, of_life
from sequere_timeline.backends.redis.passes import PASSES
from sequere_timeline.backends.redis.scripts import FENCE, NEWEST, OVERTAKE
from sequere_timeline.backends.redis.writer import Writer
from sequere_timeline.history import History, Life, ended_by, histories, named_in
from sequere_timeline.intents import ACTION_SAVED
from sequere_timeline.marks import read_marks
from sequere_timeline.projector import BaseTimelinesProjector, FanOut, News

#: Actions that are looked at together.
ACTIONS_AT_ONCE = 500
#: Resources that one command is about.
RESOURCES_AT_ONCE = 500


class TimelinesProjector(BaseTimelinesProjector):
    """Actions, timelines and read marks, after the commit of what the log says."""

    is_transactional = False

    def __init__(self, connection: Connection, model: RedisModel) -> None:
        self._connection = connection
        self._model = model
        self._keys = Keys(connection)
        self.passes = [pass_(connection, model) for pass_ in PASSES]

    def take_in(self, news: News, using: str) -> None:
        """Follows cost 2 round trips together; an action 3, and 2 for every 1,000 followers."""
        if news.follows or news.deleted:
            self._expire(news.follows, news.deleted)
        readers = news.readers | news.deleted
        if not (news.actions or readers):
            return
        # Before the log is read: else who is cut off in between would draw a larger one than who has locked since.
        token, _ = self._model.begin([], using)
        if news.deleted:
            self._count_generations(news.deleted, token, using)
            for key in news.deleted:
                news.actions.update(self._concerned_by(key, using))
        for streams in chunks(news.actions, ACTIONS_AT_ONCE):
            self._write(streams, token, using, news.named)
        if readers:
            self._mark(readers, token, using)

    def is_lost(self, using: str) -> bool:
        return self._model.is_lost(using)

    def prepare(self, using: str) -> Mapping[str, Any]:
        return self._model.prepare(using)

    def can_go_on(self, known: Mapping[str, Any], using: str) -> bool:
        return self._model.can_go_on(known)

    def rebuilt(self, known: Mapping[str, Any], using: str) -> None:
        self._model.rebuilt(known)

    def _write(self, streams: Collection[UUID], token: int, using: str, named: Collection[ResourceKey]) -> None:
        """Make these actions, whose actors are locked, and their entries what the log says. 1 query, or 2.

        Where nothing is stored of what is gone, there is nothing to write; but who is late must not do so either.
        """
        of_streams = sorted(histories(streams, using, named).values(), key=_first_id)
        lives = [life for history in of_streams for life in history.lives()]
        names = [name for life in lives for name in of_life(life)]
        fences = [FENCE([self._keys.resource(actor)], token) for actor in dict.fromkeys(life.actor for life in lives)]
        stored = (("HMGET", self._keys.action(life.id), "published", "reached") for life in lives)
        known, *answers = self._connection.run([*fences, look_up(names, self._keys), *stored])[len(fences) :]
        states = {life.id: [part and text(part) for part in state] for life, state in zip(lives, answers, strict=True)}
        writer = Writer(self._connection, token, hand_out(names, known, self._connection), using)
        gone = [life for history in of_streams for life in history.former if states[life.id][0] is not None]
        deleted = [life for life in gone if life.ended]
        writer.retract(deleted)
        writer.remove([life for life in gone if not life.ended])
        present = [history.present for history in of_streams if history.present]
        writer.save(present)
        not_reached = [life for life in present if life.published and states[life.id][1] != str(life.published)]
        on_their_way = [
            *(_withdrawal(life, writer) for life in deleted),
            *(_publication(life, writer) for life in not_reached),
        ]
        self.begin(on_their_way, using)
        writer.finish()

    def publication(self, event: Event, using: str) -> FanOut | None:
        """1 query, or 2, and 2 round trips."""
        token, _ = self._model.begin([], using)
        life = histories([event.stream], using, [*named_in(event)])[event.stream].present
        return _publication(life, self._writer(life, token, using)) if life and life.published == event.pk else None

    def withdrawal(self, event: Event, using: str) -> FanOut | None:
        """1 query, or 2, and 2 round trips."""
        token, _ = self._model.begin([], using)
        life = ended_by(event, using)
        return _withdrawal(life, self._writer(life, token, using)) if life else None

    def _writer(self, life: Life, token: int, using: str) -> Writer:
        names = of_life(life)
        (known,) = self._connection.run([look_up(names, self._keys)])
        return Writer(self._connection, token, hand_out(names, known, self._connection), using)

    def _mark(self, owners: Collection[ResourceKey], token: int, using: str) -> None:
        """Store until when the owners have read. 1 query, 1 round trip."""
        marks = {owner: to_score(mark) for owner, mark in read_marks(owners, using).items()}
        writer = Writer(self._connection, token, {}, using)
        writer.mark({owner: marks.get(owner) for owner in owners})
        writer.finish()

    def _expire(self, follows: Sequence[Event], deleted: Collection[ResourceKey]) -> None:
        """Let the private timelines expire that have changed: who reads one fills it. 2 round trips."""
        subjects = list(dict.fromkeys(event.subject for event in follows))
        # Also who has deleted it: not all of his followers may know.
        have = self._connection.run(("HEXISTS", self._keys.resource(subject), "published") for subject in subjects)
        publishers = {subject for subject, has_published in zip(subjects, have, strict=True) if has_published}
        owners = {event.actor for event in follows if event.subject in publishers}
        # Who is still bringing something to the followers as they were, and has lost his locks, would come too late.
        overtake = (
            OVERTAKE([self._model.last_token, *map(self._keys.resource, some)])
            for some in chunks(sorted(publishers), RESOURCES_AT_ONCE)
        )
        forget = (
            ("UNLINK", *map(self._keys.private, some))
            for some in chunks(sorted(owners | {*deleted}), RESOURCES_AT_ONCE)
        )
        self._connection.run([*overtake, *forget])

    def _count_generations(self, keys: Collection[ResourceKey], token: int, using: str) -> None:
        latest = latest_of(map(lifecycle, keys), using)
        writer = Writer(self._connection, token, {}, using)
        writer.count_generations({event.actor: event.version for event in latest.values()})
        writer.finish()

    def _concerned_by(self, key: ResourceKey, using: str) -> set[UUID]:
        """The streams of the actions that a deleted instance did, that were done upon it, or saved in its timeline."""
        saved = Event.objects.using(using).filter(type=ACTION_SAVED, version=1)
        own_or_upon = saved.filter(is_(key, "actor_") | is_(key, "target_"))
        (members,) = self._connection.run([NEWEST([self._keys.direct(key)], "-inf", 0, -1)])
        ids = [parse(text(member)).id for member in members[::2]]
        direct = Event.objects.using(using).filter(pk__in=ids)
        return {*own_or_upon.values_list("stream", flat=True), *direct.values_list("stream", flat=True)}


def _publication(life: Life, writer: Writer) -> FanOut:
    return FanOut(cast(int, life.published), life.uid, life.actor, partial(writer.publish, life))


def _withdrawal(life: Life, writer: Writer) -> FanOut:
    return FanOut(cast(int, life.ended), life.uid, life.actor, partial(writer.withdraw, life))


def _first_id(history: History) -> int:
    return min(life.id for life in history.lives())
