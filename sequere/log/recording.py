"""Recording: intents become events, if the log says that there is something to record.

Everything that is recorded passes through here: `record()` is for hosts, `record_internal()` for the verbs of Sequere.
An intent that is refused leaves no trace.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, NamedTuple, cast, overload
from uuid import UUID

from django.db import IntegrityError, connections, router, transaction
from django.utils import timezone

from sequere.base import ResourceKey, ResourceLike
from sequere.event_types import event_types
from sequere.exceptions import (
    IdempotencyConflict,
    InternalEventType,
    InvalidIdempotencyKey,
    RecordingInReplay,
    StreamTaken,
    WrongVersion,
)
from sequere.log.locks import lock
from sequere.log.metadata import caused_by, current_metadata
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.log.reading import History, read_streams
from sequere.log.troubles import explaining
from sequere.log.validation import VERB_MAX_LENGTH, check_data, check_json, check_text, point_in_time
from sequere.registry import registry
from sequere.signals import PROJECT, events_committed, events_recorded
from sequere.sql.commits import after_commit, begin
from sequere.sql.dialects import dialect
from sequere.sql.rows import Insert
from sequere.texts import is_storable

#: A writer that was overtaken so often by writers of the same stream gives up. Each time, one of them has succeeded.
_ATTEMPTS = 100

#: Between events without times of their own that are recorded together.
MICROSECOND = timedelta(microseconds=1)

_APPEND = Insert(Event, EVENT_COLUMNS, lambda words: words.returning("id"))
_VALUES_OF = itemgetter(*EVENT_COLUMNS)

#: Whether this thread or task applies events of the past: then nothing may be recorded.
_is_replaying: ContextVar[bool] = ContextVar("sequere_is_replaying", default=False)


class Intent(NamedTuple):
    """What a caller wants to be true. It becomes an event if the log says that it is not true yet.

    Actor and target are instances or keys. Without `decide`, `data` are recorded in any case.
    """

    type: str
    stream: UUID
    actor: ResourceLike
    #: From the history of the stream: the data of the new event, or None if there is nothing to record. It must have no
    #: side effects, since it may be called twice.
    decide: Callable[[History], Mapping[str, Any] | None] | None = None
    target: ResourceLike | None = None
    verb: str = ""
    occurred_at: datetime | None = None
    idempotency_key: str | None = None
    #: Resources to lock besides actor and target.
    others: tuple[ResourceKey, ...] = ()
    #: Streams whose last events `decide` reads besides that of its own stream: `History.latest`. They stay as they are
    #: if their writers lock a resource that this intent locks too, as its actor, its target or one of the others.
    reads: tuple[UUID, ...] = ()
    data: Mapping[str, Any] | None = None
    #: Whether `decide` reads all events of the stream: `History.events`.
    reads_history: bool = False
    #: The version of the last event of the stream, 0 for none, if the caller has looked before.
    expected_version: int | None = None
    #: That of a relation; other events have none.
    scope: str = ""
    #: Whether `decide` must see what it `reads` as it is under the locks. Otherwise what it has read may end before the
    #: event, which then says that it is about something of the past.
    is_strict: bool = False

    def resources(self) -> Iterable[ResourceKey]:
        """The resources to lock, once actor and target are keys."""
        return (cast(ResourceKey, self.actor), *([cast(ResourceKey, self.target)] if self.target else ()), *self.others)

    def storable(self) -> "Intent":
        """The same intent, if the log can keep its stream, its verb and its time. Raises InvalidEventData,
        InvalidTimestamp."""
        if not isinstance(self.stream, UUID):
            raise TypeError(f"The stream of an intent is a UUID, such as stream_of() returns, not {self.stream!r}.")
        check_text(self.verb, "the verb of the event", VERB_MAX_LENGTH)
        return self._replace(occurred_at=None if self.occurred_at is None else point_in_time(self.occurred_at))

    def decided(self, history: History) -> Mapping[str, Any] | None:
        """The data to record, or None."""
        if self.decide is None:
            return {} if self.data is None else self.data
        return self.decide(history)

    def draft(self, history: History, now: datetime, place: int) -> Event | None:
        """The event, if there is something to record. Without a time of its own, it happens as many microseconds after
        `now` as there are drafts before it. Raises StreamTaken, WrongVersion."""
        event_type, last = event_types.of(self.type), history.last
        version = last.version if last else 0
        if last and event_types.stream_kind(last.type) != event_types.stream_kind(self.type):
            raise StreamTaken(stream=self.stream, type=last.type)
        if self.expected_version not in {None, version}:
            raise WrongVersion(stream=self.stream, expected=self.expected_version, found=version)
        data = self.decided(history)
        if data is None:
            return None
        if not event_type.internal:
            check_data(data)
        target: Any = self.target or ("", "")
        when = (self.occurred_at or now + place * MICROSECOND, now)
        what = (self.stream, version + 1, event_type.version, self.type)
        who = (*cast(ResourceKey, self.actor), *target, self.verb, self.scope)
        # In the order of the columns: keyword arguments would take Django three times as long.
        values: list[Any] = [*when, *what, *who, data, {}, self.idempotency_key]
        return Event(None, *values)  # type: ignore[misc]  # takes the list for one of its elements


class NewEvents(Sequence[Event]):
    """Events of one type that were appended, made when somebody looks at them: nobody may, and of thousands it takes
    long."""

    def __init__(self, type_: str, number: int, make: Callable[[], Iterable[Event]]) -> None:
        self.type = type_
        self._number = number
        self._make = make

    @cached_property
    def _made(self) -> tuple[Event, ...]:
        return tuple(self._make())

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Event, ...]: ...

    def __getitem__(self, index: int | slice) -> Event | tuple[Event, ...]:
        return self._made[index]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._made)


def types_of(events: Sequence[Event]) -> Counter[str]:
    """The types of events that were recorded, and how many there are of each. Makes none of them."""
    if isinstance(events, NewEvents):
        return Counter({events.type: len(events)})
    return Counter(event.type for event in events)


class Outcome(NamedTuple):
    """What became of an intent: its event, or None if there was nothing to record."""

    event: Event | None
    #: False for the stored event of an idempotency key, too.
    is_new: bool


def record(intents: Sequence[Intent], **metadata: Any) -> list[Outcome]:
    """Append to the log what is new in `intents`, and announce it, in one transaction.

    Decides from the log alone. If two writers append to one stream, the database lets one of them win (UNIQUE stream,
    version); the other one decides again. Events without a time of their own happen one microsecond after the other, in
    the given order. Costs 1 statement if there is nothing to record (2 with `reads`), else 3 plus the statements of the
    receivers of `events_recorded`; 1 more with idempotency keys.

    Raises, before anything is written: UnknownEventType, InternalEventType, StreamTaken, InvalidEventData,
    InvalidTimestamp, WrongVersion, InvalidIdempotencyKey, IdempotencyConflict, RecordingInReplay, and whatever naming
    an instance raises.
    """
    checked = [_checked(intent) for intent in intents]
    # Only the locks keep the streams still that a decision reads besides its own.
    return _record_until_it_holds(checked, metadata, locks_first=any(intent.reads for intent in checked))


def record_internal(intents: Sequence[Intent], **metadata: Any) -> list[Outcome]:
    """`record()` for the verbs of Sequere, whose intents are right by construction, and whose actors are keys."""
    return _record_until_it_holds(intents, metadata, locks_first=False)


def record_in_database(
    append: Callable[[Mapping[str, Any], str], Sequence[Event]],
    *,
    applied: Collection[str] = (),
    is_settled: bool = False,
    **metadata: Any,
) -> Sequence[Event]:
    """`record()` for events that the database decides about and appends itself, with locks, in one call.

    `append` makes that call, from the metadata and the alias of the database, and returns the new events in the order
    of the log. The projections in `applied` know of them already; `is_settled` says that these are all that there are.
    Then the call is a transaction of its own, unless the caller has one or somebody else wants to hear of the events
    in it: no lock waits for Python, and two round trips are saved.
    """
    if _is_replaying.get():
        raise RecordingInReplay
    using = router.db_for_write(Event)
    is_whole = is_settled and connections[using].get_autocommit() and not _somebody_else_hears()
    with nullcontext() if is_whole else transaction.atomic(using=using):
        events = append(_checked_metadata(metadata), using)
        if events:
            _tell(events, using, applied)
    return events


def _record_until_it_holds(
    intents: Sequence[Intent], metadata: Mapping[str, Any], *, locks_first: bool
) -> list[Outcome]:
    """Record, and decide again as long as other writers of the same streams are faster."""
    if not intents:
        return []
    if _is_replaying.get():
        raise RecordingInReplay
    using = router.db_for_write(Event)
    begin(using)
    attempts = 0
    while True:
        try:
            return _record(intents, metadata, using, locks_first=locks_first or attempts > 0)
        except _Overtaken:
            attempts += 1
            if attempts == _ATTEMPTS:
                raise


@contextmanager
def replaying() -> Iterator[None]:
    """In this block events of the past are applied, and recording raises RecordingInReplay."""
    token = _is_replaying.set(True)
    try:
        yield
    finally:
        _is_replaying.reset(token)


def is_internal(type_: str) -> bool:
    """Whether only Sequere itself records events of this type."""
    event_type = event_types.get(type_)
    return event_type is not None and event_type.internal


class _Overtaken(IntegrityError):
    """Another writer was first, so the decision may be wrong."""


def _checked(intent: Intent) -> Intent:
    """An intent of the host, with keys for its instances, and a time that the log can keep."""
    if not isinstance(intent, Intent):
        raise TypeError(f"record() takes intents, not a {type(intent).__name__}.")
    if event_types.of(intent.type).internal:
        raise InternalEventType(type=intent.type)
    if intent.decide is not None and intent.data is not None:
        raise TypeError("An intent has data or decide, not both.")
    if intent.scope:
        raise TypeError("Only relations have a scope.")
    if not all(isinstance(stream, UUID) for stream in intent.reads):
        raise TypeError(f"The streams that an intent reads are UUIDs, not {intent.reads!r}.")
    if intent.expected_version is not None and type(intent.expected_version) is not int:
        raise TypeError(f"An expected version is a number, not {intent.expected_version!r}.")
    return intent.storable()._replace(
        actor=registry.key_of(intent.actor),
        target=None if intent.target is None else registry.key_of(intent.target),
        others=tuple(map(registry.key_of, intent.others)),
    )


def _record(intents: Sequence[Intent], metadata: Mapping[str, Any], using: str, *, locks_first: bool) -> list[Outcome]:
    """Decide, then lock, then append; or lock first, so that nobody who locks the same can overtake it."""
    with transaction.atomic(using=using):
        if locks_first:
            _lock(intents, using)
        outcomes = _decide(intents, using)
        events = tuple(outcome.event for outcome in outcomes if outcome.event and outcome.is_new)
        if not events:
            return outcomes
        metadata = _checked_metadata(metadata)
        if not locks_first:
            new = [intent for intent, outcome in zip(intents, outcomes, strict=True) if outcome.is_new]
            _lock(new, using)
            # Only now do other streams stay as they are, unless a writer has locked the whole database anyway.
            if dialect(connections[using]).lock and any(intent.is_strict for intent in new):
                outcomes = _decide(intents, using)
                if [one for one, outcome in zip(intents, outcomes, strict=True) if outcome.is_new] != new:
                    raise _Overtaken
                events = tuple(outcome.event for outcome in outcomes if outcome.event and outcome.is_new)
        _append(events, metadata, using)
        _tell(events, using)
    return outcomes


def _somebody_else_hears() -> bool:
    """Whether `events_recorded` has receivers besides our own, which may refuse events."""
    return any(lookup_key[0] != PROJECT for lookup_key, *_ in events_recorded.receivers)


def _checked_metadata(added: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = current_metadata(registry.name_of, added)
    if metadata:
        check_json(metadata, "the metadata of the event")
    return metadata


def _tell(events: Sequence[Event], using: str, applied: Collection[str] = ()) -> None:
    """Send the signals of new events. The projections in `applied` know of them already."""
    events_recorded.send(sender=Event, events=events, using=using, applied=applied)
    if events_committed.has_listeners(Event):
        after_commit(partial(_announce, events, using), using)


def _announce(events: Sequence[Event], using: str) -> None:
    """Send `events_committed`. One event is the cause of what its receivers record."""
    with caused_by(events[0]) if len(events) == 1 else nullcontext():
        events_committed.send_robust(sender=Event, events=events, using=using)


def _decide(intents: Sequence[Intent], using: str) -> list[Outcome]:
    keys = [_checked_key(intent.idempotency_key) for intent in intents if intent.idempotency_key is not None]
    whole = {intent.stream for intent in intents if intent.reads_history}
    streams = {stream for intent in intents for stream in (intent.stream, *intent.reads)}
    latest, events = read_streams(whole, streams, using)
    # After the last events: a decision that there is nothing to record then also finds the event with its key that made
    # it so.
    log = Event.objects.using(using)
    stored = {event.idempotency_key: event for event in log.filter(idempotency_key__in=keys)} if keys else {}
    now = timezone.now()
    outcomes = []
    drafts: list[Event] = []
    for intent in intents:
        history = History(latest.get(intent.stream), latest, events.get(intent.stream, ()) if whole else ())
        if intent.idempotency_key in stored:
            event = stored[intent.idempotency_key]
            if not _is_recorded_by(event, intent, drafts, using):
                raise IdempotencyConflict(key=intent.idempotency_key, event_id=event.pk)
            outcomes.append(Outcome(event, is_new=False))
        elif draft := intent.draft(history, now, len(drafts)):
            drafts.append(draft)
            latest[intent.stream] = draft
            if whole and intent.stream in whole:
                events.setdefault(intent.stream, []).append(draft)
            if draft.idempotency_key is not None:
                stored[draft.idempotency_key] = draft
            outcomes.append(Outcome(draft, is_new=True))
        else:
            outcomes.append(Outcome(None, is_new=False))
    return outcomes


def _is_recorded_by(event: Event, intent: Intent, drafts: Sequence[Event], using: str) -> bool:
    """Whether an event that has the idempotency key of an intent says what its caller says. If the intent decides, it
    decides again from what the log said before the event: 1 query, and 1 for each stream that it reads."""
    same_time = intent.occurred_at in {None, event.occurred_at}
    said = (intent.type, intent.stream, intent.actor, intent.target, intent.verb)
    if not same_time or said != (event.type, event.stream, event.actor, event.target, event.verb):
        return False
    if is_internal(intent.type):  # the rest follows from the keys
        return True
    if intent.decide is None:
        return bool(({} if intent.data is None else intent.data) == event.data)
    log = Event.objects.using(using)
    is_draft = event in drafts
    older = drafts[: drafts.index(event)] if is_draft else ()
    before = [
        *log.of_stream(event.stream).filter(version__lt=event.version),
        *(draft for draft in older if draft.stream == event.stream),
    ]
    latest: dict[UUID, Event] = {}
    for stream in intent.reads:
        events = log.of_stream(stream) if is_draft else log.of_stream(stream).filter(pk__lt=event.pk)
        if last := events.last():
            latest[stream] = last
    latest |= {draft.stream: draft for draft in older if draft.stream in intent.reads}
    if before:
        latest[event.stream] = before[-1]
    return bool(intent.decide(History(before[-1] if before else None, latest, before)) == event.data)


def _checked_key(idempotency_key: Any) -> str:
    if idempotency_key and is_storable(idempotency_key, 255):
        return str(idempotency_key)
    raise InvalidIdempotencyKey(key=idempotency_key)


def _lock(intents: Iterable[Intent], using: str) -> None:
    lock((key for intent in intents for key in intent.resources()), using)


def _append(events: Sequence[Event], metadata: Mapping[str, Any], using: str) -> None:
    """Append events in one statement. Ids are handed out in the given order."""
    for event in events:
        event.metadata = metadata
    try:
        with explaining((event.actor for event in events), using):
            returned = _APPEND.rows([_VALUES_OF(vars(event)) for event in events], using)
    except IntegrityError as error:
        raise _Overtaken(*error.args) from error
    for event, (pk,) in zip(events, sorted(returned), strict=True):
        event.pk = pk
        event._state.adding, event._state.db = False, using
