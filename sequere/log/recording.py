"""Recording: intents become events, if the log says that there is something to record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.exceptions import IdempotencyConflict, InvalidIdempotencyKey, SequereException
from sequere.log.locks import lock
from sequere.log.metadata import current_metadata
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.log.reading import Latest, latest_of
from sequere.log.types import SCHEMA_VERSION
from sequere.log.validation import check_json
from sequere.registry import registry
from sequere.signals import events_recorded
from sequere.sql.rows import Insert

_MICROSECOND = timedelta(microseconds=1)

_APPEND = Insert(Event, EVENT_COLUMNS, lambda words: words.returning("id"))
_VALUES_OF = attrgetter(*EVENT_COLUMNS)


class Intent(NamedTuple):
    """What a caller wants to be true. It becomes an event if the log says that it is not true yet."""

    type: str
    stream: UUID
    actor: ResourceKey
    #: From the last event of the stream, if any, and the last events of the streams in `reads`: the data of the new
    #: event, or None if there is nothing to record.
    decide: Callable[[Event | None, Latest], Mapping[str, Any] | None]
    target: ResourceKey | None = None
    verb: str = ""
    occurred_at: datetime | None = None
    idempotency_key: str | None = None
    #: Resources to lock besides actor and target.
    others: tuple[ResourceKey, ...] = ()
    #: Streams that `decide` reads besides its own.
    reads: tuple[UUID, ...] = ()

    def resources(self) -> Iterable[ResourceKey]:
        return (self.actor, *filter(None, [self.target]), *self.others)

    def draft(self, latest: Latest, now: datetime, place: int) -> Event | None:
        """The event, if there is something to record. Without a time of its own, it happens as many microseconds after
        `now` as there are drafts before it."""
        last = latest.get(self.stream)
        data = self.decide(last, latest)
        if data is None:
            return None
        version = last.version + 1 if last else 1
        what = (self.type, self.stream, version, *self.actor, *(self.target or ("", "")), self.verb)
        when = (self.occurred_at or now + place * _MICROSECOND, now)
        # In the order of the columns: keyword arguments would take Django three times as long.
        values: list[Any] = [*what, *when, data, {}, SCHEMA_VERSION, self.idempotency_key]
        return Event(None, *values)  # type: ignore[misc]  # takes the list for one of its elements

    def is_recorded_by(self, event: Event) -> bool:
        """Whether an event that has its idempotency key says the same."""
        same_time = self.occurred_at in {None, event.occurred_at}
        return same_time and (self.type, self.stream) == (event.type, event.stream)


class Outcome(NamedTuple):
    """What became of an intent: its event, or None if there was nothing to record."""

    event: Event | None
    #: False for the stored event of an idempotency key, too.
    is_new: bool


def record(intents: Sequence[Intent], **metadata: Any) -> list[Outcome]:
    """Append to the log what is new in `intents`, and announce it, in one transaction.

    Decides from the log alone. If two writers append to one stream, the database lets one of them win (UNIQUE stream,
    version); the other one decides again. Events without a time of their own happen one microsecond after the other, in
    the given order. Costs 1 statement if there is nothing to record, else 3 plus the statements of the receivers of
    `events_recorded`; 1 more with idempotency keys. Raises IdempotencyConflict, InvalidIdempotencyKey,
    InvalidEventData.
    """
    if not intents:
        return []
    using = router.db_for_write(Event)
    try:
        return _record(intents, metadata, using)
    except _Overtaken:
        return _record(intents, metadata, using, is_second=True)


class _Overtaken(IntegrityError):
    """Another writer was first, so the decision may be wrong."""


def _record(
    intents: Sequence[Intent], metadata: Mapping[str, Any], using: str, *, is_second: bool = False
) -> list[Outcome]:
    """Decide, then lock, then append. The second attempt locks before it decides, so that nobody can overtake it."""
    with transaction.atomic(using=using):
        if is_second:
            _lock(intents, using)
        outcomes = _decide(intents, using)
        events = tuple(outcome.event for outcome in outcomes if outcome.event and outcome.is_new)
        if not events:
            return outcomes
        metadata = {**current_metadata(_name_of), **metadata}
        check_json(metadata, "the metadata of the event")
        if not is_second:
            _lock((intent for intent, outcome in zip(intents, outcomes, strict=True) if outcome.is_new), using)
        _append(events, metadata, using)
        events_recorded.send(sender=Event, events=events, using=using)
    return outcomes


def _decide(intents: Sequence[Intent], using: str) -> list[Outcome]:
    log = Event.objects.using(using)
    keys = [_checked(intent.idempotency_key) for intent in intents if intent.idempotency_key is not None]
    streams = {stream for intent in intents for stream in (intent.stream, *intent.reads)}
    latest = latest_of(streams, using)
    # After the last events: a decision that there is nothing to record then also finds the event with its key that made
    # it so.
    stored = {event.idempotency_key: event for event in log.filter(idempotency_key__in=keys)} if keys else {}
    now = timezone.now()
    outcomes = []
    drafts = 0
    for intent in intents:
        if intent.idempotency_key in stored:
            event = stored[intent.idempotency_key]
            if not intent.is_recorded_by(event):
                raise IdempotencyConflict(key=intent.idempotency_key, event_id=event.pk)
            outcomes.append(Outcome(event, is_new=False))
        elif draft := intent.draft(latest, now, drafts):
            drafts += 1
            latest[intent.stream] = draft
            if draft.idempotency_key is not None:
                stored[draft.idempotency_key] = draft
            outcomes.append(Outcome(draft, is_new=True))
        else:
            outcomes.append(Outcome(None, is_new=False))
    return outcomes


def _checked(idempotency_key: Any) -> str:
    if isinstance(idempotency_key, str) and 1 <= len(idempotency_key) <= 255 and "\x00" not in idempotency_key:
        return idempotency_key
    raise InvalidIdempotencyKey(key=idempotency_key)


def _lock(intents: Iterable[Intent], using: str) -> None:
    lock((key for intent in intents for key in intent.resources()), using)


def _append(events: Sequence[Event], metadata: Mapping[str, Any], using: str) -> None:
    """Append events in one statement. Ids are handed out in the given order."""
    for event in events:
        event.metadata = metadata
    try:
        returned = _APPEND.rows([*map(_VALUES_OF, events)], using)
    except IntegrityError as error:
        raise _Overtaken(*error.args) from error
    for event, (pk,) in zip(events, sorted(returned), strict=True):
        event.pk = pk
        event._state.adding, event._state.db = False, using


def _name_of(instance: models.Model) -> str:
    """The name of an instance in the metadata, registered or not."""
    try:
        return str(registry.key_of(instance))
    except SequereException:
        return f"{instance._meta.label_lower}:{instance.pk}"
