"""Actions, and entries of public and direct feeds, that only Redis knows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.reconciler import Difference
from sequere.redis.connection import Connection, text
from sequere.redis.scanning import ScanKeys
from sequere.sql.chunks import chunks
from sequere_timeline.backends.redis.comparing import TimelineComparison
from sequere_timeline.backends.redis.filling import BOTTOMLESS
from sequere_timeline.backends.redis.members import Member, parse
from sequere_timeline.backends.redis.names import NameNumbers, numbers_for
from sequere_timeline.backends.redis.scripts import NEWEST_ENTRIES
from sequere_timeline.history import ActionHistory, Life, histories
from sequere_timeline.intents import ACTION_SAVED


def stored_keys(connection: Connection) -> ScanKeys:
    """The keys of all actions, and of all public and direct feeds. A feed is compared as a whole: pages are small."""
    return ScanKeys(connection, (("action:*", "hash"), ("public:*", "zset"), ("direct:*", "zset")), size=50)


class OrphanComparison(TimelineComparison):
    """Removes stored actions and entries that the log does not justify."""

    def resources(self, keys: Sequence[str], using: str) -> Iterable[ResourceKey]:
        yield from (self._keys.owner_of(key) for key in keys if not self._keys.is_action(key))
        for history in self._histories(self._stored(keys), using):
            yield from (life.actor for life in history.lives())

    def compare(self, keys: Sequence[str], using: str, *, repair: bool) -> list[Difference]:
        stored = self._stored(keys)
        lives = {history.present.id: history.present for history in self._histories(stored, using) if history.present}
        numbers = numbers_for(lives.values(), using)
        orphans = [
            (key, member)
            for key, members in stored.items()
            for member in members
            if not self._is_right(key, member, lives, numbers)
        ]
        if repair:
            self._connection.run(("ZREM", key, member) if member else ("UNLINK", key) for key, member in orphans)
        return [Difference(f"{key} {member}".rstrip(), "none", "one") for key, member in orphans]

    def _stored(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """The members of the feeds among the keys that still exist, and an empty one for each action. 1 round trip."""
        feeds = [key for key in keys if not self._keys.is_action(key)]
        actions = [key for key in keys if self._keys.is_action(key)]
        look = [*(NEWEST_ENTRIES([key], BOTTOMLESS, 0, -1) for key in feeds), *(("EXISTS", key) for key in actions)]
        answers = self._connection.run(look)
        stored = {key: [text(member) for member in rows[::2]] for key, rows in zip(feeds, answers, strict=False)}
        is_there = answers[len(feeds) :]
        return {**stored, **{key: [""] for key, number in zip(actions, is_there, strict=True) if number}}

    def _histories(self, stored: Mapping[str, Sequence[str]], using: str) -> Iterator[ActionHistory]:
        """What the log says about the actions whose ids are stored."""
        ids = {self._id_of(key, member) for key, members in stored.items() for member in members}
        for chunk in chunks(sorted(ids), 1000):
            saved = Event.objects.using(using).filter(pk__in=chunk, type=ACTION_SAVED)
            yield from histories(list(saved.values_list("stream", flat=True)), using).values()

    def _id_of(self, key: str, member: str) -> int:
        return parse(member).id if member else self._keys.id_of(key)

    def _is_right(self, key: str, member: str, lives: Mapping[int, Life], numbers: NameNumbers) -> bool:
        life = lives.get(self._id_of(key, member))
        if life is None:
            return False
        if not member:
            return True
        direct = {*map(self._keys.direct, numbers.saved_directly(life))}
        public = {self._keys.public(life.actor)} if life.published is not None else set()
        return key in direct | public and member == str(Member(life.id, 0, numbers.entry_kind(life)))
