"""What the rows behind lists of relations have in common, whichever statement answers them."""

from collections.abc import Sequence
from typing import Any

from sequere.backends.database.models import LiveRelation
from sequere.log.locks import KEY, Resource
from sequere.results.cursors import Place
from sequere.results.relations import Related, load_relations
from sequere.sql.rows import fields_of

#: What a statement about a list SELECTs of each row: the key of the resource, since when it is there, and its uid.
ROW = (*fields_of(Resource, KEY), *fields_of(LiveRelation, ("since",)), *fields_of(Resource, ("uid",)))


class KeyRows:
    """Rows of (identifier, object_id, since, uid), in the order of the last two."""

    __slots__ = ()

    def rows(self, start: int, stop: int | None) -> list[tuple[Any, ...]]:
        return self._rows(None if stop is None else stop - start, start)

    def page(self, size: int, after: Place | None) -> list[tuple[Place, tuple[Any, ...]]]:
        return [(Place(*row[2:]), row) for row in self._rows(size, 0, after)]

    def load(self, rows: Sequence[tuple[Any, ...]]) -> list[Related | None]:
        return load_relations([row[:3] for row in rows])

    def _rows(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Any, ...]]:
        """At most `size` rows from `start` on, or behind a place. 1 query."""
        raise NotImplementedError
