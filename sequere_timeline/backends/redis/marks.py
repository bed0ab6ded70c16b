"""Read marks: until when the owners of timelines have read."""

import re
from collections.abc import Iterable, Sequence

from sequere.base import ResourceKey
from sequere.projections.reconciler import Difference, RowKeys
from sequere.redis.connection import Connection, text
from sequere.redis.scanning import ScanKeys
from sequere.redis.scores import to_score
from sequere_timeline.backends.redis.comparing import TimelineComparison, actors, shown_moment
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.marks import first_marks, read_marks

#: Scores of which a datetime can be made.
_NEAR = re.compile(r"-?\d{1,16}", re.ASCII)

#: All owners of read marks in the log.
MARK_KEYS = RowKeys(first_marks, actors, also=("actor_identifier", "actor_object_id"))


def orphaned_mark_keys(connection: Connection) -> ScanKeys:
    """The owners of read marks that only Redis has."""
    keys = TimelineKeys(connection)

    def orphans(found: list[str], using: str) -> list[ResourceKey]:
        marks = connection.run(("HEXISTS", key, "read") for key in found)
        marked = [keys.owner_of(key) for key, is_marked in zip(found, marks, strict=True) if is_marked]
        return sorted(set(marked) - set(read_marks(marked, using)))

    return ScanKeys(connection, (("resource:*", "hash"),), orphans)


class MarkComparison(TimelineComparison):
    """Compares read marks."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(using, repair=repair)
        marks = {owner: str(to_score(mark)) for owner, mark in read_marks(keys, using).items()}
        command = [("HGET", self._keys.resource(owner), "read") for owner in keys]
        stored = {
            owner: None if score is None else text(score)
            for owner, score in zip(keys, self._connection.run(command), strict=True)
        }
        wrong = [owner for owner in keys if marks.get(owner) != stored[owner]]
        if repair and wrong:
            writer = self._writer((), token, using)
            writer.mark({owner: marks.get(owner) for owner in wrong})
            writer.finish()
        return [Difference(f"read mark of {owner}", _shown(marks.get(owner)), _shown(stored[owner])) for owner in wrong]


def _shown(score: str | None) -> str:
    """A score as a moment; whatever else is stored in its place, as it is."""
    if score is None or _NEAR.fullmatch(score):
        return shown_moment(None if score is None else int(score))
    return repr(score)
