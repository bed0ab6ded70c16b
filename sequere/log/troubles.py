"""Errors of the database that call for an operator, in words that say what to do."""

from collections.abc import Iterable
from itertools import islice
from types import TracebackType

from django.db import DatabaseError, connections

from sequere.base import ResourceKey
from sequere.exceptions import ResourcesLocked, SequenceBehind
from sequere.sql.dialects import dialect

#: Resources that a message names.
RESOURCES_NAMED = 5


class explaining:  # noqa: N801  # a context manager; a generator would cost more than some of the statements in it
    """In this block statements lock resources, or insert rows that get a number. Raises ResourcesLocked if another
    transaction holds them for too long, and SequenceBehind if the database has handed out a number twice."""

    __slots__ = ("_resources", "_using")

    def __init__(self, resources: Iterable[ResourceKey], using: str) -> None:
        self._resources = resources
        self._using = using

    def __enter__(self) -> None:
        pass

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not isinstance(error, DatabaseError):
            return
        words = dialect(connections[self._using])
        if words.has_waited_for_lock(error):
            names = [str(key) for key in islice(self._resources, RESOURCES_NAMED + 1)]
            named = [*names[:RESOURCES_NAMED], *(["…"] * (len(names) > RESOURCES_NAMED))]
            raise ResourcesLocked(resources=", ".join(named)) from error
        if table := words.table_with_taken_number(error):
            raise SequenceBehind(table=table, database=self._using) from error
