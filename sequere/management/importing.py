"""Follows that another package has stored in its own table: read there, and recorded once."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import connections, models, router

from sequere.api import PAIRS_PER_TRANSACTION, follow_many
from sequere.base import ResourceKey
from sequere.exceptions import ForeignIdentifier, ForeignTableMissing, InvalidObjectId, InvalidTimestamp
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere.relations.key import Graph, RelationKey
from sequere.relations.types import FOLLOW
from sequere.sql.keyset import walk


class ForeignTable(NamedTuple):
    """A table of another package, and the meaning of its columns."""

    table: str
    #: The columns with the key of the follower, and with the key of the followed instance.
    keys: tuple[str, str]
    since: str
    #: The columns with their identifiers; None if both are users.
    identifiers: tuple[str, str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(self.identifiers or ()), *self.keys, self.since)


SOURCES = {
    "django-sequere": ForeignTable(
        table="sequere_follow",
        keys=("from_object_id", "to_object_id"),
        since="created_at",
        identifiers=("from_identifier", "to_identifier"),
    ),
    "django-friendship": ForeignTable(table="friendship_follow", keys=("follower_id", "followee_id"), since="created"),
    # A friendship has two rows there, one in each direction, and becomes two follows.
    "django-friendship-friends": ForeignTable(
        table="friendship_friend", keys=("from_user_id", "to_user_id"), since="created"
    ),
}

#: The reasons why a row is not imported.
GONE = "of something that no longer exists"
ITSELF = "of something that follows itself"
INVALID = "with an invalid key or time"
SKIPPED = "left out as requested"


class ForeignRow(NamedTuple):
    """A row in the terms of Sequere."""

    id: int
    follower: ResourceKey
    followed: ResourceKey
    since: datetime | None

    def __str__(self) -> str:
        return f"row {self.id}: {self.follower} → {self.followed}"


#: The form that `follow_many()` takes.
Pair = tuple[ResourceKey, ResourceKey, datetime | None]


@dataclass(slots=True)
class ImportReport:
    """The result of an import so far."""

    read: int = 0
    #: Follows that were recorded, or would be.
    new: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    #: The id of the last row that was handled.
    last: int = 0

    @property
    def known(self) -> int:
        """Rows whose relation the log already knew, even if it has ended since."""
        return self.read - self.new - self.refused.total()


class Import:
    """The follows in a foreign table of a database, for a scope; identifiers can be renamed or skipped.

    Raises ForeignTableMissing, ForeignIdentifier, NotRegistered, UnknownIdentifier.
    """

    def __init__(
        self,
        source: ForeignTable,
        using: str,
        renamed: Mapping[str, str] | None = None,
        skipped: Collection[str] = (),
        scope: str = "",
    ) -> None:
        self._source = source
        self._using = using
        self._renamed = renamed or {}
        self._skipped = frozenset(skipped)
        self._scope = scope
        self._check_table()
        self._user = registry.options_of(get_user_model()).get_identifier() if source.identifiers is None else ""
        self._check_identifiers()

    def count(self, after: int = 0) -> int:
        return int(self._rows.filter(id__gt=after).count())

    def run(
        self,
        *,
        after: int = 0,
        dry_run: bool = False,
        on_refused: Callable[[ForeignRow, str], None] = lambda row, reason: None,
    ) -> Iterator[ImportReport]:
        """Import the rows with ids above `after`, in transactions of 2,000, and yield the report after each of them.

        A relation that the log already knows is left as it is, so it is safe to run an import again: it does not bring
        back a follow that has ended since. For each transaction 1 query, 1 per model class for 500 keys, and the cost
        of `follow_many()`.
        """
        report = ImportReport(last=after)
        for page in walk(self._rows.filter(id__gt=after), ("id",), PAIRS_PER_TRANSACTION, self._source.columns):
            pairs, refused = self._sorted_out([self._read(values) for values in page])
            if dry_run:
                report.new += _unknown(pairs, self._scope)
            else:
                with event_metadata(cause="imported", table=self._source.table):
                    report.new += follow_many(pairs, again=False, scope=self._scope)
            for row, reason in refused:
                report.refused[reason] += 1
                on_refused(row, reason)
            report.read += len(page)
            report.last = page[-1][0]
            yield report

    @cached_property
    def _rows(self) -> Any:
        """A queryset of the table, with a model that no app registry has."""
        meta = {"apps": Apps(), "app_label": "sequere_import", "managed": False, "db_table": self._source.table}
        columns: dict[str, Any] = {name: models.Field() for name in self._source.columns}
        columns |= {"id": models.BigAutoField(primary_key=True), self._source.since: models.DateTimeField()}
        row: Any = type("Row", (models.Model,), {"__module__": __name__, "Meta": type("Meta", (), meta), **columns})
        return row.objects.using(self._using)

    def _check_table(self) -> None:
        connection, table = connections[self._using], self._source.table
        with connection.cursor() as cursor:
            there = table in connection.introspection.table_names(cursor)
            found = connection.introspection.get_table_description(cursor, table) if there else []
        if missing := sorted({"id", *self._source.columns} - {column.name for column in found}):
            what = f" with the columns {', '.join(missing)}" if there else ""
            raise ForeignTableMissing(table=table, what=what, database=self._using)

    def _check_identifiers(self) -> None:
        known = {options.get_identifier() for options in registry}
        for name in {*self._renamed.values()} - known:
            registry.identifier_of(name)  # raises
        missing: Counter[str] = Counter()
        for column in self._source.identifiers or ():
            numbers = self._rows.order_by().values_list(column).annotate(number=models.Count("id"))
            missing.update({old: number for old, number in numbers if self._is_unknown(old, known)})
        if missing:
            names = ", ".join(f"{name!r} ({number:,})" for name, number in sorted(missing.items()))
            raise ForeignIdentifier(table=self._source.table, names=names, example=min(missing))

    def _is_unknown(self, identifier: str, known: Collection[str]) -> bool:
        return identifier not in self._skipped and self._renamed.get(identifier, identifier) not in known

    def _read(self, values: Sequence[Any]) -> ForeignRow:
        id_, *identifiers, from_, to, since = values
        from_identifier, to_identifier = identifiers or (self._user, self._user)
        return ForeignRow(id_, ResourceKey(from_identifier, str(from_)), ResourceKey(to_identifier, str(to)), since)

    def _sorted_out(self, rows: Sequence[ForeignRow]) -> tuple[list[Pair], list[tuple[ForeignRow, str]]]:
        """The rows that can be recorded, and those that cannot, with their reasons."""
        drafts: list[tuple[ForeignRow, Pair]] = []
        refused = []
        for row in rows:
            try:
                drafts.append((row, self._pair(row)))
            except _Refusal as refusal:
                refused.append((row, str(refusal)))
        there = registry.stored({key for _, (from_key, to_key, _) in drafts for key in (from_key, to_key)})
        refused += [(row, GONE) for row, pair in drafts if not there.issuperset(pair[:2])]
        return [pair for _, pair in drafts if there.issuperset(pair[:2])], refused

    def _pair(self, row: ForeignRow) -> Pair:
        if not self._skipped.isdisjoint((row.follower.identifier, row.followed.identifier)):
            raise _Refusal(SKIPPED)
        try:
            from_key, to_key = (self._key(key) for key in (row.follower, row.followed))
            since = None if row.since is None else point_in_time(row.since)
        except (InvalidObjectId, InvalidTimestamp) as error:
            raise _Refusal(INVALID) from error
        if from_key == to_key:
            raise _Refusal(ITSELF)
        return from_key, to_key, since

    def _key(self, old: ResourceKey) -> ResourceKey:
        return registry.key_of(old._replace(identifier=self._renamed.get(old.identifier, old.identifier)))


class _Refusal(Exception):  # never leaves this module
    """The reason why a row is not imported."""


def _unknown(pairs: Sequence[Pair], scope: str) -> int:
    """The number of relations that are not in the log. 1 query."""
    streams = {RelationKey(*pair[:2], Graph(FOLLOW, scope)).stream for pair in pairs}
    return len(streams - latest_of(streams, router.db_for_read(Event)).keys()) if streams else 0
