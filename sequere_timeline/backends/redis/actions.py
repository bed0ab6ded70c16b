"""The actions of the log, and their entries in public and direct feeds, which no follow brings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.projections.reconciler import Difference, RowKeys
from sequere.redis.scores import to_score
from sequere_timeline.backends.redis.comparing import Expected, TimelineComparison
from sequere_timeline.backends.redis.hashes import to_fields
from sequere_timeline.backends.redis.members import Member
from sequere_timeline.backends.redis.names import NameNumbers, numbers_for
from sequere_timeline.backends.redis.writer import Writer
from sequere_timeline.history import Life, histories
from sequere_timeline.intents import ACTION_SAVED


def _first_savings(using: str) -> EventQuerySet:
    return Event.objects.using(using).filter(type=ACTION_SAVED, version=1)


def _streams(rows: Iterable[Sequence[Any]], using: str) -> list[UUID]:
    return [stream for _, stream in rows]


#: The streams of all actions.
ACTION_KEYS = RowKeys(_first_savings, _streams, also=("stream",), size=250)


class ActionComparison(TimelineComparison):
    """Compares actions and their entries, but not those in private feeds."""

    def resources(self, keys: Sequence[UUID], using: str) -> Iterable[ResourceKey]:
        for history in histories(keys, using).values():
            for life in history.lives():
                yield from (life.actor, *life.named)

    def compare(self, keys: Sequence[UUID], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(using, repair=repair)
        of_streams = list(histories(keys, using).values())
        present = [history.present for history in of_streams if history.present]
        former = [life for history in of_streams for life in history.former]
        numbers = numbers_for([*present, *former], using)
        expected = [(life, one) for life in present for one in self._expected(life, numbers)]
        expected += [(life, self._gone(life)) for life in former]
        differences = self._differences([one for _, one in expected])
        wrong = {life.id for (life, _), difference in zip(expected, differences, strict=True) if difference}
        if repair and wrong:
            writer = Writer(self._connection, token, numbers, using)
            writer.remove([life for life in former if life.id in wrong])
            put = [life for life in present if life.id in wrong]
            writer.save(put)
            for life in put:
                writer.note_reached(life)
            writer.finish()
        return list(filter(None, differences))

    def _expected(self, life: Life, numbers: NameNumbers) -> Iterator[Expected]:
        fields = {**to_fields(life), "reached": str(life.published) if life.published else None}
        title = f"action {life.id} of {life.actor}"
        yield Expected(title, ("HMGET", self._keys.action(life.id), *fields), [*fields.values()])
        for name, number in numbers.fields(life).items():
            yield Expected(f"the number of {name}", ("HGET", self._keys.names, name), number)
        member, score = str(Member(life.id, 0, numbers.entry_kind(life))), str(to_score(life.date))
        is_public = life.published is not None
        public = ("ZSCORE", self._keys.public(life.actor), member)
        yield Expected(f"{title} in the public timeline of {life.actor}", public, score if is_public else None)
        if is_public:
            yield Expected(
                f"that {life.actor} has published", ("HGET", self._keys.resource(life.actor), "published"), "1"
            )
        for owner in sorted(life.named - {life.actor}):
            direct = ("ZSCORE", self._keys.direct(owner), member)
            is_direct = owner in numbers.saved_directly(life)
            yield Expected(f"{title}, saved directly for {owner}", direct, score if is_direct else None)

    def _gone(self, life: Life) -> Expected:
        return Expected(f"action {life.id} of {life.actor}", ("HGET", self._keys.action(life.id), "published"), None)
