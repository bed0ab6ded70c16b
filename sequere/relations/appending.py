"""Recording relations: that they begin, or that they end.

Where the database has functions, one call of it decides, locks and appends; elsewhere `record()` does.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from sequere.exceptions import Blocked, StreamTaken
from sequere.log.locks import lock
from sequere.log.metadata import is_costly
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.log.numbers import make_room, numbers_of_graphs
from sequere.log.reading import History, latest_of
from sequere.log.recording import MICROSECOND, Intent, NewEvents, record_in_database, record_internal
from sequere.log.troubles import explaining
from sequere.log.uids import log_functions
from sequere.relations.intents import TO_BEGIN, RelationChange, ending, is_live
from sequere.relations.key import RELATION, Graph, RelationKey, streams_both_ways
from sequere.relations.lasting import changes_until, lasts_until
from sequere.relations.recorded import wanted_statement
from sequere.relations.types import ASKING, type_named
from sequere.sql.dialects import dialect
from sequere.sql.rows import made
from sequere.sql.statements import statements_with

#: The errors of the database if something else was recorded on the stream of a relation, if one must not begin, and if
#: there is a request for one.
STREAM_TAKEN, RELATION_REFUSED, RELATION_REQUESTED = "SQ001", "SQ002", "SQ003"

#: The cause of the events of a relation that was given another end.
REPLACED = "replaced"

#: A relation, and when it begins or ends; None for now.
Dated = tuple[RelationKey, datetime | None]


class _Requested(Exception):
    """There is a request for a relation, and it must be closed."""


class Step(NamedTuple):
    """What the call that records relations, or a new action, does with those that are news. It sees what the steps
    before it have written."""

    #: An expression over `news`: the answer of sequere_record_relations(), or the `places`, `event_ids` and `streams`.
    text: str
    parameters: Sequence[Any]
    #: The projections that need not be told any more.
    projections: Collection[str]
    #: Called in the transaction if there are any news.
    told: Callable[["StepReport"], object] | None = None


class StepReport(NamedTuple):
    """What a step is told."""

    #: The places of what is new, from 1, the ids of the events, and these.
    places: Sequence[int]
    event_ids: Sequence[int]
    events: Sequence[Event]
    #: What the expression of the step has answered.
    answer: Any


# What a kind of call has in common stands in its statement: the driver takes long for each parameter.
_RECORD = (
    "SELECT news.places, news.event_ids, news.versions{steps} FROM sequere_record_relations("
    "{begun}, {ended}, %s, {begins}, {data_version}::smallint, {only_unknown}, {refused_by}, {leaves_out}, {asking},"
    " %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[],"
    " %s::timestamptz[], %s::timestamptz, %s::jsonb) AS news WHERE news.places IS NOT NULL"
)
_APPLY = (
    "{function}({type_}, %s, {begun}, {begins}, news.streams, news.opposites, news.from_uids, news.to_uids,"
    " news.from_kinds, news.to_kinds)"
)


class Changed(NamedTuple):
    """The new events of relations, in the order of the log, and those of requests that were closed with them."""

    events: Sequence[Event] = ()
    closed: Sequence[Event] = ()


def record_relations(
    change: RelationChange,
    relations: Sequence[Dated],
    steps: Sequence[Step] = (),
    *,
    is_settled: bool = False,
    **metadata: Any,
) -> Changed:
    """Record what is news in relations of one graph; returns the new events.

    The steps are taken in the same call, in their order; `is_settled` says that they apply the events to all
    projections.

    1 statement on databases with functions (2 if metadata are found out by calling something), plus those of the
    receivers of `events_recorded`; otherwise, and if there is a request for one of the relations, what `record()`
    costs.
    """
    if not relations:
        return Changed()
    using = router.db_for_write(Event)
    if not (change.is_plain and dialect(connections[using]).has_routines):
        return record_by_intents(change, relations, **metadata)
    if is_costly(metadata) and not _is_news(change, relations, using):
        return Changed()
    applied: set[str] = set()
    for step in steps:
        applied.update(step.projections)
    try:
        append = partial(_append, change, relations, steps)
        return Changed(record_in_database(append, applied=applied, is_settled=is_settled, **metadata))
    except _Requested:
        return record_by_intents(change, relations, **metadata)


def record_by_intents(change: RelationChange, relations: Sequence[Dated], **metadata: Any) -> Changed:
    """The same on any database, and with what the function cannot do. Costs what `record()` costs."""
    events = _recorded([intent for one in relations for intent in change.intents(*one)], **metadata)
    graph = relations[0][0].graph
    type_ = change.type_in(graph).name
    return Changed(*([event for event in events if (event.type == type_) is is_first] for is_first in (True, False)))


def record_with_ends(relation: RelationKey, moment: datetime | None = None) -> Sequence[Event]:
    """Record that a relation begins, and that those end which its type ends: in all scopes and both directions. Returns
    the new events, in the order of the log.

    1 query if there is nothing to record, otherwise 2 more than `record()`, which is given all of them.
    """
    using, cause = router.db_for_write(Event), relation.graph.type.begun.name
    if is_live(_history(relation, using)):
        return ()
    # A follow in a new scope that is committed before has its graph then; one that comes later is refused.
    with _locked(relation, using):
        ended = [ending(one.graph, cause).intent(one) for one in ended_with(relation, numbers_of_graphs(using))]
        return _recorded([TO_BEGIN.intent(relation, moment), *ended], cause=cause)


def record_until(relation: RelationKey, end: datetime | None, moment: datetime | None = None) -> Sequence[Event]:
    """Record that a relation lasts until `end`, None for no end. One that lasts until another moment ends, and begins
    again. Returns the new events, in the order of the log.

    1 query if there is nothing to record, otherwise 3 more than `record()`.
    """
    using = router.db_for_write(Event)
    if lasts_until(end, _history(relation, using)):
        return ()
    with _locked(relation, using):
        cause = {"cause": REPLACED} if is_live(_history(relation, using)) else {}
        return _recorded([change.intent(relation, moment) for change in changes_until(end)], **cause)


def _history(relation: RelationKey, using: str) -> History:
    """1 query."""
    latest = latest_of([relation.stream], using)
    return History(latest.get(relation.stream), latest)


@contextmanager
def _locked(relation: RelationKey, using: str) -> Iterator[None]:
    """A transaction in which both ends of a relation are locked, and its graph has a number."""
    make_room(*relation.graph.name, using)
    with transaction.atomic(using=using):
        lock([relation.from_key, relation.to_key], using)
        yield


def _recorded(intents: Sequence[Intent], **metadata: Any) -> Sequence[Event]:
    outcomes = record_internal(intents, **metadata)
    return [outcome.event for outcome in outcomes if outcome.event and outcome.is_new]


def ended_with(relation: RelationKey, graphs: Iterable[tuple[str, str]]) -> Iterator[RelationKey]:
    """The relations that end when one begins, live or not, in these graphs."""
    of_types = relation.graph.type.ends
    named = [*((type_, "") for type_ in of_types), *(name for name in graphs if name[0] in of_types)]
    for type_, scope in dict.fromkeys(named):
        one = relation._replace(graph=Graph(type_named(type_), scope))
        yield from (one, one.opposite)


def application_steps(change: RelationChange, graph: Graph, functions: Mapping[str, str], using: str) -> list[Step]:
    """The steps that apply relations of a graph with functions of the database, by projection
    (`Projector.relations_function()`)."""
    type_, scope = graph.name
    of_all = (type_, graph.type.begun.name, change.begins, using)
    return [Step(_apply(function, *of_all), (scope,), (projection,)) for projection, function in functions.items()]


def recording_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The functions that record relations of any graph, and say what the log wants of them, after what they call."""
    if not dialect(connection).has_routines:
        return {}
    words = dialect(connection)
    ends = [[f"{end}_{part}[place]" for part in ("identifiers", "object_ids")] for end in ("from", "to")]
    there, back = (words.stream(RELATION, ["refused_by", "''", *one, *other]) for one, other in (ends, ends[::-1]))
    request = words.stream(RELATION, ["asking", "COALESCE(scope_, '')", *ends[0], *ends[1]])
    wanted = wanted_statement(connection.alias).replace("{given}", "SELECT unnest(streams) AS stream")
    fragments = {"{there}": there, "{back}": back, "{request}": request, "{wanted}": wanted}
    return {**log_functions(connection), **statements_with(__package__, connection.vendor, fragments)}


def _is_news(change: RelationChange, relations: Sequence[Dated], using: str) -> bool:
    """Whether there is something to record. 1 query."""
    streams = [relation.stream for relation, _ in relations]
    latest = latest_of(streams, using)
    return any(change.decide(History(latest.get(stream), latest)) is not None for stream in streams)


def _append(
    change: RelationChange,
    relations: Sequence[Dated],
    steps: Sequence[Step],
    metadata: Mapping[str, Any],
    using: str,
) -> Sequence[Event]:
    texts: list[str] = []
    parameters: list[Any] = []
    for step in steps:
        texts.append(step.text)
        parameters += step.parameters
    graph = relations[0][0].graph
    event_type = change.type_in(graph)
    connection = connections[using]
    adapt = connection.ops.adapt_datetimefield_value
    now = timezone.now()
    keys = [(*one.from_key, *one.to_key) for one, _ in relations]
    streams, opposites = streams_both_ways([one for one, _ in relations])
    values = [
        *parameters,
        graph.scope or None,
        *_arrays([*zip(*keys, strict=True), streams, opposites]),
        [moment and adapt(moment) for _, moment in relations] if any(moment for _, moment in relations) else None,
        adapt(now),
        connection.ops.adapt_json_value(metadata, None) if metadata else None,
    ]
    try:
        ends = (key for one, _ in relations for key in (one.from_key, one.to_key))
        with explaining(ends, using), connection.cursor() as cursor:
            cursor.execute(_call(tuple(texts), change, graph.type.name, using), values)
            found = cursor.fetchone()
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) == STREAM_TAKEN:
            stream, type_ = str(error.__cause__).split()[:2]
            raise StreamTaken(stream=UUID(stream), type=type_) from error
        if getattr(error.__cause__, "sqlstate", None) == RELATION_REFUSED:
            refused, _ = relations[int(str(error.__cause__).split()[0]) - 1]
            raise Blocked(from_instance=refused.from_key, to_instance=refused.to_key) from error
        if getattr(error.__cause__, "sqlstate", None) == RELATION_REQUESTED:
            raise _Requested from error
        raise

    def rows() -> Iterator[Sequence[Any]]:
        common = (event_type.version, event_type.name)
        for nth, (place, id_, version) in enumerate(zip(*found[:3], strict=True)):
            moment = relations[place - 1][1]
            times = (now + nth * MICROSECOND if moment is None else moment, now)
            what = (UUID(streams[place - 1]), version, *common, *keys[place - 1], "", graph.scope)
            yield (id_, *times, *what, {}, metadata, None)

    def events() -> Sequence[Event]:
        return tuple(made(Event, ("id", *EVENT_COLUMNS), rows(), using))

    if not found:
        return ()
    new = events() if len(relations) == 1 else NewEvents(event_type.name, len(found[0]), events)
    for step, answer in zip(steps, found[3:], strict=True):
        if step.told:
            step.told(StepReport(found[0], found[1], new, answer))
    return new


def _arrays(columns: Sequence[Sequence[str]]) -> list[str]:
    """Texts as PostgreSQL writes arrays: the driver takes ten times as long. A NUL is in none of them."""
    joined = ["\0".join(column).replace("\\", r"\\").replace('"', r"\"") for column in columns]
    return ['{{"{}"}}'.format(texts.replace("\0", '","')) for texts in joined]


@cache
def _call(steps: tuple[str, ...], change: RelationChange, relation_type: str, using: str) -> str:
    type_, asking = type_named(relation_type), ASKING.get(relation_type)
    text = dialect(connections[using]).text
    return _RECORD.format(
        steps="".join(f", {step}" for step in steps),
        begun=text(type_.begun.name),
        ended=text(type_.ended.name),
        begins=_boolean(change.begins),
        data_version=(type_.begun if change.begins else type_.ended).version,
        only_unknown=_boolean(change.only_unknown),
        refused_by=text(type_.refused_by) if change.begins and type_.refused_by else "NULL",
        leaves_out=_boolean(change.leaves_out),
        asking=text(asking.name) if asking else "NULL",
    )


@cache
def _apply(function: str, type_: str, begun: str, begins: bool, using: str) -> str:
    text = dialect(connections[using]).text
    return _APPLY.format(function=function, type_=text(type_), begun=text(begun), begins=_boolean(begins))


def _boolean(value: object) -> str:
    return "true" if value else "false"
