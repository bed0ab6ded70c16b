"""Faults of the log itself: rows that no verb of Sequere has written. A verification names them; nothing repairs them,
since the log is append-only."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Mod
from django.db.models.lookups import IsNull

from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.log.models import Event
from sequere.log.streams import InStream, Stream
from sequere.log.suspensions import SUSPENDED, SUSPENSIONS
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, Uncounted
from sequere.relations.key import RELATION
from sequere.relations.recorded import ENDS
from sequere.relations.types import BEGUN, CHANGES, RELATION_TYPES

#: The types of events that cannot have an even version, and those that cannot have an odd one.
_OUT_OF_TURN = ((*BEGUN, SUSPENDED), tuple({*CHANGES, *SUSPENSIONS} - {*BEGUN, SUSPENDED}))

_IS_TO_ITSELF = models.Q(
    type__in=CHANGES,
    actor_identifier=models.F("target_identifier"),
    actor_object_id=models.F("target_object_id"),
)
_IS_WITHOUT_TARGET = models.Q(type__in=CHANGES, target_identifier__isnull=True)
#: The event before one in its stream.
_BEFORE = Event.objects.filter(stream=models.OuterRef("stream"), version=models.OuterRef("version") - 1)


class _Events(Uncounted, OrphanKeys):
    """Events that are wrong, among all."""


class _LogComparison(Comparison):
    """Says what is wrong with events that are."""

    repairs = False

    def resources(self, keys: Sequence[int], using: str) -> tuple[ResourceKey, ...]:
        return ()  # no event ever changes

    def compare(self, keys: Sequence[int], using: str, *, repair: bool) -> list[Difference]:
        events = _with_right_values(Event.objects.using(using).filter(pk__in=keys)).order_by("pk")
        columns = ("pk", "type", "version", "stream", "before", "right_stream")
        of_relations = {
            pk: (ResourceKey(*key[:2]), ResourceKey(*key[2:]))
            for pk, *key in events.filter(_IS_TO_ITSELF | _IS_WITHOUT_TARGET).values_list(
                "pk", "actor_identifier", "actor_object_id", "target_identifier", "target_object_id"
            )
        }
        return [
            difference
            for pk, *values in events.values_list(*columns)
            for difference in _faults(pk, *values, ends=of_relations.get(pk))
        ]


def _faults(
    pk: int,
    type_: str,
    version: int,
    stream: UUID,
    before: str | None,
    right_stream: Any,
    *,
    ends: tuple[ResourceKey, ResourceKey] | None,
) -> Iterator[Difference]:
    what = f"event {pk} ({type_})"
    if ends:
        found = f"{ends[0]} and itself" if ends[0] == ends[1] else f"{ends[0]} alone"
        yield Difference(f"ends of {what}", "two resources", found)
    if version > 1 and before is None:
        yield Difference(f"event before {what} in its stream", f"version {version - 1}", "none")
    if before is not None and event_types.stream_kind(before) != event_types.stream_kind(type_):
        yield Difference(f"event before {what} in its stream", "one of its kind", before)
    if type_ in _OUT_OF_TURN[version % 2]:
        yield Difference(f"version of {what}", "an odd one" if version % 2 == 0 else "an even one", version)
    # A relation with one end has no stream.
    if right_stream is not None and not (ends and ends[0] != ends[1]) and UUID(str(right_stream)) != stream:
        yield Difference(f"stream of {what}", UUID(str(right_stream)), stream)


def _with_right_values(events: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Events with the type of the event before them, and with the stream that they should stand in, if their type and
    their resources say which."""
    right = [models.When(type__in=types, then=Stream(*named)) for types, named in _streams()]
    annotated: models.QuerySet[Any] = events.annotate(
        before=models.Subquery(_BEFORE.values("type")[:1]),
        right_stream=models.Case(*right, default="stream", output_field=models.UUIDField()),
    )
    return annotated


def _streams() -> Iterator[tuple[list[str], tuple[Any, ...]]]:
    """The types of events whose resources say in which stream they stand, and what `Stream` takes to name it."""
    for kind in ("resource", "read", "suspension"):
        yield _names_of(kind), (kind, (), *ENDS[:2])
    scope = Coalesce("scope", models.Value(""))
    for one in RELATION_TYPES:
        yield [one.begun.name, one.ended.name], (RELATION, (one.name,), scope, *ENDS)


def _wrong(events: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    """Those that are wrong: 1 query, which looks the event before each one up, but for the first of a stream."""
    internal = tuple(one.name for one in event_types if event_types.stream_kind(one.name))
    wrong: models.QuerySet[Any] = events.filter(_is_wrong(internal, using))
    return wrong


@cache
def _is_wrong(internal: tuple[str, ...], using: str) -> RawSQL:
    """The condition, given the types of events that only we record. Django takes longer to make it than most pages
    take."""
    alone = ~models.Q(type__in=internal) & _is_none(_BEFORE.exclude(type__in=internal))
    for kind in {event_types.stream_kind(name) for name in internal}:
        names = _names_of(kind)
        alone |= models.Q(type__in=names) & _is_none(_BEFORE.filter(type__in=names))
    out_of_turn = strayed = models.Q(pk__in=[])
    for odd, wrong in enumerate(_OUT_OF_TURN):
        out_of_turn |= models.Q(type__in=wrong, parity=odd)
    for types, named in _streams():
        strayed |= models.Q(type__in=types) & ~models.Q(InStream(*named))
    parity = Mod("version", 2, output_field=models.IntegerField())
    query = (
        Event.objects.using(using)
        .alias(parity=parity)
        .filter(_IS_TO_ITSELF | _IS_WITHOUT_TARGET | (models.Q(version__gt=1) & alone) | out_of_turn | strayed)
        .query
    )
    sql, values = query.where.as_sql(query.get_compiler(using), connections[using])
    return RawSQL(sql, tuple(values), output_field=models.BooleanField())  # noqa: S611  # compiled of what is ours


def _is_none(before: models.QuerySet[Any]) -> models.Q:
    # For NOT EXISTS, PostgreSQL may make a table of all events there are.
    return models.Q(IsNull(models.Subquery(before.values("pk")[:1]), True))


def _names_of(kind: str) -> list[str]:
    return [one.name for one in event_types if event_types.stream_kind(one.name) == kind]


def _ids(rows: Sequence[Sequence[Any]], using: str) -> list[int]:
    return [row[0] for row in rows]


def log_reconciler(kinds: Sequence[str]) -> Reconciler:
    """Names the faults of the events in streams of some kinds; "" is that of hosts."""
    others = [one.name for one in event_types if event_types.stream_kind(one.name) not in kinds]

    def of_kinds(using: str) -> models.QuerySet[Any]:
        events = Event.objects.using(using)
        if "" in kinds:
            return events.exclude(type__in=others)
        return events.filter(type__in=[name for kind in kinds for name in _names_of(kind)])

    return Reconciler("events", _Events(of_kinds, _ids, orphans=_wrong, size=50_000), _LogComparison())
