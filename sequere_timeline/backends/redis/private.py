"""The private feeds that have not expired."""

from collections.abc import Iterable, Sequence

from sequere.base import ResourceKey
from sequere.projections.reconciler import Difference
from sequere.redis.connection import Connection, text
from sequere.redis.scanning import ScanKeys
from sequere_timeline.backends.redis.comparing import TimelineComparison, shown_moment
from sequere_timeline.backends.redis.filling import BOTTOMLESS, SortKey, content, follows_of
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.members import FLOOR, parse
from sequere_timeline.backends.redis.scripts import NEWEST_ENTRIES


def owner_keys(connection: Connection) -> ScanKeys:
    """The owners of all private feeds. A comparison locks them and everything they follow, so pages are small."""
    keys = TimelineKeys(connection)

    def owners(found: list[str], using: str) -> list[ResourceKey]:
        return [keys.owner_of(key) for key in found]

    return ScanKeys(connection, (("private:*", "zset"),), owners, size=10)


class PrivateComparison(TimelineComparison):
    """Compares private feeds. A wrong one is removed, and filled when it is read next."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        for owner in keys:
            yield owner
            yield from (actor for _, actor in follows_of(owner).values())

    def differs(self, keys: Sequence[ResourceKey], using: str) -> bool:
        floors = self._connection.run(("ZSCORE", self._keys.private(owner), FLOOR) for owner in keys)
        return None in floors or super().differs(keys, using)

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for owner in keys:
            key = self._keys.private(owner)
            (rows,) = self._connection.run([NEWEST_ENTRIES([key], BOTTOMLESS, 0, -1)])
            scores = {text(member): text(score) for member, score in zip(rows[::2], rows[1::2], strict=True)}
            if FLOOR not in scores:
                if repair:  # a reader that is just filling it may have read what was wrong then, and begins again
                    self._connection.run([("UNLINK", key)])
                continue
            wrong = self._differences_of(owner, scores)
            if repair and wrong:
                self._connection.run([("UNLINK", key)])
            differences += wrong
        return differences

    def _differences_of(self, owner: ResourceKey, scores: dict[str, str]) -> list[Difference]:
        """The differences of a feed with these members and scores."""
        floor = scores.pop(FLOOR)
        wanted = content(owner, self._connection, None, floor).entries
        found = {member: round(float(score)) for member, score in scores.items() if float(score) >= float(floor)}
        expected = {str(member): place.score for place, member in wanted.items()}
        if floor != BOTTOMLESS:
            # Of the entries with the score of the floor, only the later ones were kept.
            lowest = min((SortKey(score, parse(member).id) for member, score in found.items()), default=None)
            expected = {
                member: score
                for member, score in expected.items()
                if lowest is None or SortKey(score, parse(member).id) >= lowest
            }
        wrong = sorted({*expected.items()} ^ {*found.items()})
        return [
            Difference(
                f"action {parse(member).id} in the timeline of {owner}",
                shown_moment(expected.get(member)),
                shown_moment(found.get(member)),
            )
            for member in dict.fromkeys(member for member, _ in wrong)
        ]
