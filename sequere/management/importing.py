"""Relations that another package has stored in its own table: read there, and recorded once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import connections, models, router

from sequere.api import follow_many
from sequere.api.changes import PAIRS_PER_TRANSACTION
from sequere.base import ResourceKey
from sequere.exceptions import ForeignIdentifier, ForeignTableMissing, InvalidObjectId, InvalidTimestamp
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.numbers import make_room
from sequere.log.reading import latest_of
from sequere.log.recording import record_internal
from sequere.log.validation import SCOPE_MAX_LENGTH, point_in_time
from sequere.registry import registry
from sequere.relations.appending import record_with_ends
from sequere.relations.intents import to_ask
from sequere.relations.key import Graph, RelationKey
from sequere.relations.types import BLOCK, FOLLOW, REQUEST, RelationType
from sequere.sql.keyset import walk
from sequere.texts import is_storable


class ForeignTable(NamedTuple):
    """A table of another package, and the meaning of its columns."""

    table: str
    #: The columns with the key of the follower, and with the key of the followed instance.
    keys: tuple[str, str]
    since: str
    #: The columns with their identifiers; None if both are users.
    identifiers: tuple[str, str] | None = None
    #: The column with the content type of the followed instance, if the follower alone is a user.
    content_type: str = ""
    #: The columns with the scope, and with the message of a request.
    scope: str = ""
    message: str = ""
    #: What its rows are, and which of them are live.
    records: RelationType = FOLLOW
    live: Mapping[str, Any] = MappingProxyType({})

    @property
    def columns(self) -> tuple[str, ...]:
        also = (self.content_type, self.scope, self.message)
        return (*(self.identifiers or ()), *self.keys, self.since, *filter(None, also))


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
    "django-friendship-requests": ForeignTable(
        table="friendship_friendshiprequest",
        keys=("from_user_id", "to_user_id"),
        since="created",
        message="message",
        records=REQUEST,
        live={"rejected__isnull": True},
    ),
    "django-friendship-blocks": ForeignTable(
        table="friendship_block", keys=("blocker_id", "blocked_id"), since="created", records=BLOCK
    ),
    "django-activity-stream": ForeignTable(
        table="actstream_follow",
        keys=("user_id", "object_id"),
        since="started",
        content_type="content_type_id",
        scope="flag",
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
    scope: str = ""
    message: str = ""

    def __str__(self) -> str:
        return f"row {self.id}: {self.follower} → {self.followed}"


class Draft(NamedTuple):
    """A relation to be recorded."""

    relation: RelationKey
    since: datetime | None
    message: str


@dataclass(slots=True)
class ImportReport:
    """The result of an import so far."""

    read: int = 0
    #: Relations that were recorded, or would be.
    new: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    #: The id of the last row that was handled.
    last: int = 0

    @property
    def known(self) -> int:
        """Rows whose relation the log already knew, even if it has ended since."""
        return self.read - self.new - self.refused.total()


class Import:
    """The relations in a foreign table of a database; identifiers can be renamed or skipped. Follows for which the
    table has no scope get the one that is given.

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
        self._check_table(source.table, source.columns, *source.live)
        self._user = registry.options_of(get_user_model()).get_identifier() if source.identifiers is None else ""
        self._content_types = self._identifiers_of_content_types() if source.content_type else {}
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
        of `follow_many()`; for each block, that of `block()`.
        """
        report = ImportReport(last=after)
        for page in walk(self._rows.filter(id__gt=after), ("id",), PAIRS_PER_TRANSACTION, self._source.columns):
            drafts, refused = self._sorted_out([self._read(values) for values in page])
            if dry_run:
                report.new += len({one.relation for one in _unknown(drafts)})
            else:
                with event_metadata(cause="imported", table=self._source.table):
                    report.new += _recorded(drafts)
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
        columns |= {name.partition("__")[0]: models.Field() for name in self._source.live}
        columns |= {"id": models.BigAutoField(primary_key=True), self._source.since: models.DateTimeField()}
        row: Any = type("Row", (models.Model,), {"__module__": __name__, "Meta": type("Meta", (), meta), **columns})
        return row.objects.using(self._using).filter(**self._source.live)

    def _identifiers_of_content_types(self) -> Mapping[Any, str]:
        """The identifiers that content types stand for; the label of a model that is not registered."""
        self._check_table("django_content_type", ("app_label", "model"))
        labels = {options.model._meta.label_lower: options.get_identifier() for options in registry}
        with connections[self._using].cursor() as cursor:
            cursor.execute("SELECT id, app_label, model FROM django_content_type")
            found = {id_: f"{app}.{model}" for id_, app, model in cursor.fetchall()}
        return {id_: labels.get(label, label) for id_, label in found.items()}

    def _check_table(self, table: str, columns: Sequence[str], *conditions: str) -> None:
        connection = connections[self._using]
        with connection.cursor() as cursor:
            there = table in connection.introspection.table_names(cursor)
            found = connection.introspection.get_table_description(cursor, table) if there else []
        needed = {"id", *columns, *(name.partition("__")[0] for name in conditions)}
        if missing := sorted(needed - {column.name for column in found}):
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
        if column := self._source.content_type:
            numbers = self._rows.order_by().values_list(column).annotate(number=models.Count("id"))
            for id_, number in numbers:
                if self._is_unknown(old := self._content_types.get(id_, str(id_)), known):
                    missing[old] += number
        if missing:
            names = ", ".join(f"{name!r} ({number:,})" for name, number in sorted(missing.items()))
            raise ForeignIdentifier(table=self._source.table, names=names, example=min(missing))

    def _is_unknown(self, identifier: str, known: Collection[str]) -> bool:
        return identifier not in self._skipped and self._renamed.get(identifier, identifier) not in known

    def _read(self, values: Sequence[Any]) -> ForeignRow:
        source, row = self._source, dict(zip(("id", *self._source.columns), values, strict=True))
        identifiers = [self._user, self._user]
        if source.identifiers:
            identifiers = [row[column] for column in source.identifiers]
        elif source.content_type:
            identifiers[1] = self._content_types.get(row[source.content_type], str(row[source.content_type]))
        from_, to = (
            ResourceKey(identifier, str(row[column]))
            for identifier, column in zip(identifiers, source.keys, strict=True)
        )
        scope, message = (row.get(column) or "" for column in (source.scope, source.message))
        return ForeignRow(row["id"], from_, to, row[source.since], scope, message)

    def _sorted_out(self, rows: Sequence[ForeignRow]) -> tuple[list[Draft], list[tuple[ForeignRow, str]]]:
        """The rows that can be recorded, and those that cannot, with their reasons."""
        drafts: list[tuple[ForeignRow, Draft]] = []
        refused = []
        for row in rows:
            try:
                drafts.append((row, self._draft(row)))
            except _Refusal as refusal:
                refused.append((row, str(refusal)))
        there = registry.stored({key for _, draft in drafts for key in draft.relation[:2]})
        refused += [(row, GONE) for row, draft in drafts if not there.issuperset(draft.relation[:2])]
        return [draft for _, draft in drafts if there.issuperset(draft.relation[:2])], refused

    def _draft(self, row: ForeignRow) -> Draft:
        if not self._skipped.isdisjoint((row.follower.identifier, row.followed.identifier)):
            raise _Refusal(SKIPPED)
        try:
            from_key, to_key = (self._key(key) for key in (row.follower, row.followed))
            since = None if row.since is None else point_in_time(row.since)
        except (InvalidObjectId, InvalidTimestamp) as error:
            raise _Refusal(INVALID) from error
        if from_key == to_key:
            raise _Refusal(ITSELF)
        if not (is_storable(row.scope, SCOPE_MAX_LENGTH) and is_storable(row.message)):
            raise _Refusal(INVALID)
        scope = (row.scope or self._scope) if self._source.records is FOLLOW else ""
        return Draft(RelationKey(from_key, to_key, Graph(self._source.records, scope)), since, row.message)

    def _key(self, old: ResourceKey) -> ResourceKey:
        return registry.key_of(old._replace(identifier=self._renamed.get(old.identifier, old.identifier)))


class _Refusal(Exception):  # never leaves this module
    """The reason why a row is not imported."""


def _unknown(drafts: Sequence[Draft]) -> list[Draft]:
    """Those of relations that are not in the log. 1 query."""
    if not drafts:
        return []
    known = latest_of({one.relation.stream for one in drafts}, router.db_for_read(Event))
    return [one for one in drafts if one.relation.stream not in known]


def _recorded(drafts: Sequence[Draft]) -> int:
    """Record what the log does not know; returns how many relations are new."""
    by_graph: dict[Graph, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_graph[draft.relation.graph].append(draft)
    return sum(_RECORD[graph.type.name](graph, some) for graph, some in by_graph.items())


def _record_follows(graph: Graph, drafts: Sequence[Draft]) -> int:
    pairs = ((*one.relation[:2], one.since) for one in drafts)
    return follow_many(pairs, again=False, scope=graph.scope, policy=False)


def _record_requests(graph: Graph, drafts: Sequence[Draft]) -> int:
    """Leaves out those of which one has blocked the other, and those who follow."""
    make_room(*graph.name, router.db_for_write(Event))
    intents = [to_ask(one.message, leaves_out=True).intent(one.relation, one.since) for one in _unknown(drafts)]
    return sum(outcome.is_new for outcome in record_internal(intents))


def _record_blocks(graph: Graph, drafts: Sequence[Draft]) -> int:
    """Each ends the follows between the two."""
    return sum(bool(record_with_ends(one.relation, one.since)) for one in _unknown(drafts))


_RECORD = {FOLLOW.name: _record_follows, REQUEST.name: _record_requests, BLOCK.name: _record_blocks}
