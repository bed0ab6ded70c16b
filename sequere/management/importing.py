"""Follows that another package has kept in a table of its own: read there, and recorded once."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import connections, models, router

from sequere.api import BATCH_SIZE, follow_many
from sequere.base import ResourceKey
from sequere.exceptions import ForeignIdentifier, ForeignTableMissing, InvalidObjectId, InvalidTimestamp
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.streams import relation
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere.sql.keyset import walk


class Source(NamedTuple):
    """A table of another package, and in which columns it says what."""

    table: str
    #: The key of who follows, and of what is followed.
    keys: tuple[str, str]
    since: str
    #: The identifiers of both; None where they are users.
    identifiers: tuple[str, str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(self.identifiers or ()), *self.keys, self.since)


SOURCES = {
    "django-sequere": Source(
        table="sequere_follow",
        keys=("from_object_id", "to_object_id"),
        since="created_at",
        identifiers=("from_identifier", "to_identifier"),
    ),
    "django-friendship": Source(table="friendship_follow", keys=("follower_id", "followee_id"), since="created"),
    # Who is a friend has two rows there, one in each direction, and follows back here.
    "django-friendship-friends": Source(
        table="friendship_friend", keys=("from_user_id", "to_user_id"), since="created"
    ),
}

#: Why a row is not imported.
GONE = "of something that is gone"
ITSELF = "of something that follows itself"
INVALID = "with a key or a time that there cannot be"
SKIPPED = "left out, as asked for"


class Row(NamedTuple):
    """A row, as the other package means it."""

    id: int
    follower: ResourceKey
    followed: ResourceKey
    since: datetime | None

    def __str__(self) -> str:
        return f"row {self.id}: {self.follower} → {self.followed}"


#: What `follow_many()` takes.
Pair = tuple[ResourceKey, ResourceKey, datetime | None]


@dataclass(slots=True)
class Report:
    """What became of the rows."""

    read: int = 0
    #: Follows that are recorded, or would be.
    new: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    #: The id of the last row that was done with.
    last: int = 0

    @property
    def known(self) -> int:
        """Rows of which the log knew the relation already, whatever has become of it."""
        return self.read - self.new - self.refused.total()


class Import:
    """The follows in the table of a source, in a database; identifiers may be renamed, or left out.

    Raises ForeignTableMissing, ForeignIdentifier, NotRegistered, UnknownIdentifier.
    """

    def __init__(
        self, source: Source, using: str, renamed: Mapping[str, str] | None = None, skipped: Collection[str] = ()
    ) -> None:
        self._source = source
        self._using = using
        self._renamed = renamed or {}
        self._skipped = frozenset(skipped)
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
        on_refused: Callable[[Row, str], None] = lambda row, reason: None,
    ) -> Iterator[Report]:
        """Import the rows with larger ids than `after`, in transactions of 2,000; the report so far, after each.

        A relation that the log knows is left as it is: so an import may be run again, and brings back no follow that
        has ended since. 1 query, and 1 per model class for 500 keys, besides what `follow_many()` costs.
        """
        report = Report(last=after)
        for page in walk(self._rows.filter(id__gt=after), ("id",), BATCH_SIZE, self._source.columns):
            pairs, refused = self._sorted_out([self._read(values) for values in page])
            if dry_run:
                report.new += _unknown(pairs)
            else:
                with event_metadata(cause="imported", table=self._source.table):
                    report.new += follow_many(pairs, again=False)
            for row, reason in refused:
                report.refused[reason] += 1
                on_refused(row, reason)
            report.read += len(page)
            report.last = page[-1][0]
            yield report

    @cached_property
    def _rows(self) -> Any:
        """A queryset of the table; its model is known to nobody else."""
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
            what = f"with the columns {', '.join(missing)}" if there else "at all"
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

    def _read(self, values: Sequence[Any]) -> Row:
        id_, *identifiers, from_, to, since = values
        from_identifier, to_identifier = identifiers or (self._user, self._user)
        return Row(id_, ResourceKey(from_identifier, str(from_)), ResourceKey(to_identifier, str(to)), since)

    def _sorted_out(self, rows: Sequence[Row]) -> tuple[list[Pair], list[tuple[Row, str]]]:
        """What can be recorded, and what cannot, with the reasons."""
        drafts: list[tuple[Row, Pair]] = []
        refused = []
        for row in rows:
            try:
                drafts.append((row, self._pair(row)))
            except _Refusal as refusal:
                refused.append((row, str(refusal)))
        there = registry.stored({key for _, (from_key, to_key, _) in drafts for key in (from_key, to_key)})
        refused += [(row, GONE) for row, pair in drafts if not there.issuperset(pair[:2])]
        return [pair for _, pair in drafts if there.issuperset(pair[:2])], refused

    def _pair(self, row: Row) -> Pair:
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


class _Refusal(Exception):  # it never leaves this module
    """The reason why a row is not imported."""


def _unknown(pairs: Sequence[Pair]) -> int:
    """How many of the relations are not in the log. 1 query."""
    streams = {relation(*pair[:2]) for pair in pairs}
    return len(streams - latest_of(streams, router.db_for_read(Event)).keys()) if streams else 0
