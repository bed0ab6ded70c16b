"""The timelines in Redis beside the log: first what the log knows, then what only Redis has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.log.types import DELETED
from sequere.projections.reconciler import Difference, Pass, RowPass
from sequere.redis.connection import Connection, text
from sequere.redis.model import RedisModel
from sequere.redis.scanning import ScanPass
from sequere.redis.scores import from_score, to_score
from sequere.sql.chunks import chunks
from sequere_timeline.backends.redis.actions import to_fields
from sequere_timeline.backends.redis.filling import BOTTOMLESS, Place, content, followed_by
from sequere_timeline.backends.redis.keys import Keys
from sequere_timeline.backends.redis.members import FLOOR, Member, parse
from sequere_timeline.backends.redis.names import Numbers, found, hand_out, kind_of, look_up, of_generation, of_life
from sequere_timeline.backends.redis.scripts import NEWEST
from sequere_timeline.backends.redis.writer import Command, Writer
from sequere_timeline.history import History, Life, histories
from sequere_timeline.intents import ACTION_SAVED
from sequere_timeline.marks import first_marks, read_marks


class Expected(NamedTuple):
    """What a command should answer."""

    what: str
    command: Command
    answer: Any


class RedisPass(Pass):
    """What all passes share."""

    def __init__(self, connection: Connection, model: RedisModel) -> None:
        self._connection = connection
        self._model = model
        self._keys = Keys(connection)

    def _token(self, *, repair: bool) -> int:
        """The number of a writer, when all is locked that he is going to write about, and before he reads the log."""
        return self._model.draw([])[0] if repair else 0

    def _writer(self, lives: Iterable[Life], token: int, using: str) -> Writer:
        names = [name for life in lives for name in of_life(life)]
        (known,) = self._connection.run([look_up(names, self._keys)])
        return Writer(self._connection, token, hand_out(names, known, self._connection), using)

    def _numbers(self, lives: Iterable[Life]) -> Numbers:
        names = [name for life in lives for name in of_life(life)]
        (known,) = self._connection.run([look_up(names, self._keys)])
        return found(names, known)

    def _differences(self, expected: Sequence[Expected]) -> list[Difference | None]:
        """Whether each command answers what it should. 1 round trip."""
        answers = map(_plain, self._connection.run(command for _, command, _ in expected))
        return [
            None if answer == wanted else Difference(what, _shown(wanted), _shown(answer))
            for (what, _, wanted), answer in zip(expected, answers, strict=True)
        ]


class GenerationPass(RedisPass, RowPass):
    """How often each resource was deleted, which filters by a target ask for."""

    name = "generations"
    also = ("actor_identifier", "actor_object_id")

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Event.objects.using(using).filter(type=DELETED, version=1)

    def keys(self, rows: list[Any], using: str) -> Sequence[ResourceKey]:
        return [ResourceKey(*row[1:]) for row in rows]

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(repair=repair)
        versions = {event.actor: event.version for event in latest_of(map(lifecycle, keys), using).values()}
        differences = self._differences(
            [
                Expected(f"generation of {key}", ("HGET", self._keys.names, of_generation(key)), str(versions[key]))
                for key in keys
            ]
        )
        wrong = [key for key, difference in zip(keys, differences, strict=True) if difference]
        if repair:
            writer = Writer(self._connection, token, {}, using)
            writer.count_generations({key: versions[key] for key in wrong})
            writer.finish()
        return list(filter(None, differences))


class ActionPass(RedisPass, RowPass):
    """All actions of the log, and the timelines that they are in without a follow."""

    name = "actions"
    also = ("stream",)
    size = 250

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Event.objects.using(using).filter(type=ACTION_SAVED, version=1)

    def keys(self, rows: list[Any], using: str) -> Sequence[UUID]:
        return [row[1] for row in rows]

    def resources(self, keys: Sequence[UUID], using: str) -> Iterable[ResourceKey]:
        for history in histories(keys, using).values():
            for life in history.lives():
                yield from (life.actor, *life.named)

    def compare(self, keys: Sequence[UUID], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(repair=repair)
        of_streams = list(histories(keys, using).values())
        present = [history.present for history in of_streams if history.present]
        former = [life for history in of_streams for life in history.former]
        known = self._numbers([*present, *former])
        expected = [(life, one) for life in present for one in self._expected(life, known)]
        expected += [(life, self._gone(life)) for life in former]
        differences = self._differences([one for _, one in expected])
        wrong = {life.id for (life, _), difference in zip(expected, differences, strict=True) if difference}
        if repair and wrong:
            writer = self._writer([*present, *former], token, using)
            writer.remove([life for life in former if life.id in wrong])
            put = [life for life in present if life.id in wrong]
            writer.save(put)
            for life in put:
                if life.published:
                    writer.note_reached(life)
            writer.finish()
        return list(filter(None, differences))

    def _expected(self, life: Life, known: Numbers) -> Iterator[Expected]:
        fields = {**to_fields(life), "reached": str(life.published) if life.published else None}
        title = f"action {life.id} of {life.actor}"
        yield Expected(title, ("HMGET", self._keys.action(life.id), *fields), [*fields.values()])
        member, score = str(Member(life.id, 0, kind_of(life, known))), str(to_score(life.date))
        is_public = life.published is not None
        public = ("ZSCORE", self._keys.public(life.actor), member)
        yield Expected(f"{title} in the public timeline of {life.actor}", public, score if is_public else None)
        if is_public:
            yield Expected(
                f"that {life.actor} has published", ("HGET", self._keys.resource(life.actor), "published"), "1"
            )
        for owner in sorted(life.named - {life.actor}):
            direct = ("ZSCORE", self._keys.direct(owner), member)
            yield Expected(f"{title}, saved directly for {owner}", direct, score if owner in life.owners else None)

    def _gone(self, life: Life) -> Expected:
        return Expected(f"action {life.id} of {life.actor}", ("HGET", self._keys.action(life.id), "published"), None)


class StrayPass(RedisPass, ScanPass):
    """What is stored of actions, and should not be."""

    name = "strays"
    patterns = ("action:*", "public:*", "direct:*")
    #: Keys at once; timelines among them are read as a whole.
    size = 50

    def resources(self, keys: Sequence[str], using: str) -> Iterable[ResourceKey]:
        yield from (self._keys.owner_of(key) for key in keys if not self._keys.is_action(key))
        for history in self._histories(self._stored(keys), using):
            yield from (life.actor for life in history.lives())

    def compare(self, keys: Sequence[str], using: str, *, repair: bool) -> list[Difference]:
        stored = self._stored(keys)
        lives = {history.present.id: history.present for history in self._histories(stored, using) if history.present}
        known = self._numbers(lives.values())
        strays = [
            (key, member)
            for key, members in stored.items()
            for member in members
            if not self._is_right(key, member, lives, known)
        ]
        if repair:
            self._connection.run(("ZREM", key, member) if member else ("UNLINK", key) for key, member in strays)
        return [Difference(f"{key} {member}".rstrip(), "none", "one") for key, member in strays]

    def _stored(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """The members of timelines, and an empty one of an action; of what is still there."""
        timelines = [key for key in keys if not self._keys.is_action(key)]
        actions = [key for key in keys if self._keys.is_action(key)]
        look = [*(NEWEST([key], BOTTOMLESS, 0, -1) for key in timelines), *(("EXISTS", key) for key in actions)]
        answers = self._connection.run(look)
        stored = {key: [text(member) for member in rows[::2]] for key, rows in zip(timelines, answers, strict=False)}
        is_there = answers[len(timelines) :]
        return {**stored, **{key: [""] for key, number in zip(actions, is_there, strict=True) if number}}

    def _histories(self, stored: Mapping[str, Sequence[str]], using: str) -> Iterator[History]:
        """What the log says about the actions whose ids are stored."""
        ids = {self._id_of(key, member) for key, members in stored.items() for member in members}
        for chunk in chunks(sorted(ids), 1000):
            saved = Event.objects.using(using).filter(pk__in=chunk, type=ACTION_SAVED)
            yield from histories(list(saved.values_list("stream", flat=True)), using).values()

    def _id_of(self, key: str, member: str) -> int:
        return parse(member).id if member else self._keys.id_of(key)

    def _is_right(self, key: str, member: str, lives: Mapping[int, Life], known: Numbers) -> bool:
        life = lives.get(self._id_of(key, member))
        if life is None:
            return False
        if not member:
            return True
        direct = {self._keys.direct(owner) for owner in life.owners if owner != life.actor}
        public = {self._keys.public(life.actor)} if life.published is not None else set()
        return key in direct | public and member == str(Member(life.id, 0, kind_of(life, known)))


class PrivatePass(RedisPass, ScanPass):
    """The private timelines that have not expired."""

    name = "private timelines"
    patterns = ("private:*",)
    #: A comparison locks their owners and all whom they follow.
    size = 10

    def keys(self, found: Sequence[str], using: str) -> Sequence[ResourceKey]:
        return [self._keys.owner_of(key) for key in found]

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        for owner in keys:
            yield owner
            yield from (actor for _, actor in followed_by(owner).values())

    def differs(self, keys: Sequence[ResourceKey], using: str) -> bool:
        floors = self._connection.run(("ZSCORE", self._keys.private(owner), FLOOR) for owner in keys)
        return None in floors or super().differs(keys, using)

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for owner in keys:
            key = self._keys.private(owner)
            (rows,) = self._connection.run([NEWEST([key], BOTTOMLESS, 0, -1)])
            scores = {text(member): text(score) for member, score in zip(rows[::2], rows[1::2], strict=True)}
            if FLOOR not in scores:
                if repair:  # who is just filling it may have read what was wrong then, and begins again
                    self._connection.run([("UNLINK", key)])
                continue
            floor = scores.pop(FLOOR)
            wanted = content(owner, self._connection, None, floor).entries
            found = {member: round(float(score)) for member, score in scores.items() if float(score) >= float(floor)}
            expected = {str(member): place.score for place, member in wanted.items()}
            if floor != BOTTOMLESS:
                # Of those with the score of the floor, only the later ones were kept.
                lowest = min((Place(score, parse(member).id) for member, score in found.items()), default=None)
                expected = {
                    member: score
                    for member, score in expected.items()
                    if lowest is None or Place(score, parse(member).id) >= lowest
                }
            wrong = sorted({*expected.items()} ^ {*found.items()})
            differences += [
                Difference(
                    f"action {parse(member).id} in the timeline of {owner}",
                    _moment(expected.get(member)),
                    _moment(found.get(member)),
                )
                for member in dict.fromkeys(member for member, _ in wrong)
            ]
            if repair and wrong:
                self._connection.run([("UNLINK", key)])
        return differences


class BaseMarkPass(RedisPass):
    """Read marks."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(repair=repair)
        marks = {owner: to_score(mark) for owner, mark in read_marks(keys, using).items()}
        command = [("HGET", self._keys.resource(owner), "read") for owner in keys]
        stored = {
            owner: None if score is None else int(score)
            for owner, score in zip(keys, self._connection.run(command), strict=True)
        }
        wrong = [owner for owner in keys if marks.get(owner) != stored[owner]]
        if repair and wrong:
            writer = Writer(self._connection, token, {}, using)
            writer.mark({owner: marks.get(owner) for owner in wrong})
            writer.finish()
        return [
            Difference(f"read mark of {owner}", _moment(marks.get(owner)), _moment(stored[owner])) for owner in wrong
        ]


class MarkPass(BaseMarkPass, RowPass):
    """All read marks of the log."""

    name = "read marks"
    also = ("actor_identifier", "actor_object_id")

    def rows(self, using: str) -> models.QuerySet[Any]:
        return first_marks(using)

    def keys(self, rows: list[Any], using: str) -> Sequence[ResourceKey]:
        return [ResourceKey(*row[1:]) for row in rows]


class StrayMarkPass(BaseMarkPass, ScanPass):
    """The read marks that only Redis has."""

    name = "stray read marks"
    patterns = ("resource:*",)

    def keys(self, found: Sequence[str], using: str) -> Sequence[ResourceKey]:
        marks = self._connection.run(("HEXISTS", key, "read") for key in found)
        marked = [self._keys.owner_of(key) for key, is_marked in zip(found, marks, strict=True) if is_marked]
        return sorted(set(marked) - set(read_marks(marked, using)))


PASSES = (GenerationPass, ActionPass, StrayPass, PrivatePass, MarkPass, StrayMarkPass)


def _plain(answer: Any) -> Any:
    """An answer as texts, whatever the client makes of it."""
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    if isinstance(answer, float):
        return str(round(answer))
    return None if answer is None else text(answer)


def _shown(answer: Any) -> str:
    if isinstance(answer, list):
        return "none" if answer[0] is None else ", ".join(f"{one}" for one in answer)
    return "none" if answer is None else str(answer)


def _moment(score: int | None) -> str:
    return "none" if score is None else str(from_score(score))
