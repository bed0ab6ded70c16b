"""The log: what happened, in the order in which it happened, for ever."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact, IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.context import current_metadata
from sequere.exceptions import (
    IdempotencyConflict,
    ImmutableEvent,
    InvalidIdempotencyKey,
    SequereException,
)
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH, registry
from sequere.resources import among, lock
from sequere.rows import fields_of, given, insert, instances
from sequere.signals import events_recorded
from sequere.values import check_json

FOLLOWED = "followed"
UNFOLLOWED = "unfollowed"
DELETED = "deleted"

#: The types of event that a form offers; who records others may add them.
TYPES = {FOLLOWED, UNFOLLOWED, DELETED}

#: What an event looks like; a later form of `data` would be 2.
SCHEMA_VERSION = 1

_MICROSECOND = timedelta(microseconds=1)

_ODD_VERSION = Exact(models.F("version") % models.Value(2), models.Value(1))


class CorrelationId(models.Func):
    """The correlation id in the metadata, or NULL; of a long one 200 characters, which fit into an index.

    It has no parameters, since SQLite would not recognize in them what the index is made of.
    """

    output_field = models.TextField()
    LENGTH = 200

    def __init__(self) -> None:
        super().__init__("metadata")

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        template = {
            "postgresql": f"LEFT(%(expressions)s ->> 'correlation_id', {self.LENGTH})",
            "sqlite": f"SUBSTR(JSON_EXTRACT(%(expressions)s, '$.correlation_id'), 1, {self.LENGTH})",
        }[connection.vendor]
        return super().as_sql(compiler, connection, template=template)


def is_correlated(correlation_id: str) -> models.Q:
    """The condition that an event has this correlation id."""
    return models.Q(Exact(CorrelationId(), correlation_id[: CorrelationId.LENGTH]))


class EventQuerySet(models.QuerySet["Event"]):
    """What `Event.objects` gives. It reads; `update()` and `delete()` raise ImmutableEvent."""

    def current(self) -> "EventQuerySet":
        """Only events that are the last of their stream."""
        later = Event.objects.using(self.db).filter(
            stream=models.OuterRef("stream"), version__gt=models.OuterRef("version")
        )
        return self.filter(~models.Exists(later))

    def about(self, subjects: Iterable[ResourceKey]) -> "EventQuerySet":
        """The events with one of these subjects (see `Event.subject`)."""
        is_relation = models.Q(type__in=[FOLLOWED, UNFOLLOWED])
        keys = list(subjects)
        return self.filter((is_relation & among(keys, "target_")) | (~is_relation & among(keys, "actor_")))

    def update(self, **kwargs: Any) -> int:
        raise ImmutableEvent(operation="update()")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")


class Event(models.Model):
    """Something that happened. Rows are appended by `record()` and never change: the database sees to it."""

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(_("type"), max_length=50)
    stream = models.UUIDField(_("stream"), help_text=_("The history this event belongs to."))
    version = models.PositiveIntegerField(_("version"), help_text=_("Its number in the stream, from 1."))
    actor_identifier = models.CharField(_("actor"), max_length=IDENTIFIER_MAX_LENGTH)
    actor_object_id = models.CharField(_("actor's key"), max_length=OBJECT_ID_MAX_LENGTH)
    target_identifier = models.CharField(_("target"), max_length=IDENTIFIER_MAX_LENGTH, blank=True)
    target_object_id = models.CharField(_("target's key"), max_length=OBJECT_ID_MAX_LENGTH, blank=True)
    verb = models.CharField(_("verb"), max_length=255, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("When it happened, says the caller."))
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("When it was written down."))
    data = models.JSONField(_("data"), default=dict, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    schema_version = models.PositiveSmallIntegerField(_("schema version"), default=SCHEMA_VERSION)
    idempotency_key = models.CharField(  # noqa: DJ001  # unique, so nothing must be NULL
        _("idempotency key"), max_length=255, null=True, blank=True
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        app_label = "sequere"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)
        permissions = (("export_event", "Can export events"),)
        indexes = (
            models.Index(fields=["target_identifier", "target_object_id", "id"], name="sequere_event_target"),
            # A replay walks over the streams of a kind; new ones are added at its end, so it costs little.
            models.Index(fields=["type", "id"], condition=models.Q(version=1), name="sequere_event_first"),
            models.Index(fields=["actor_identifier", "actor_object_id", "id"], name="sequere_event_actor"),
            # Those who share a walk over relations are at different actors, whose rows they lock.
            models.Index(
                fields=["actor_identifier", "actor_object_id", "id"],
                condition=models.Q(type=FOLLOWED, version=1),
                name="sequere_event_relation",
            ),
            models.Index(
                CorrelationId(),
                "id",
                condition=models.Q(IsNull(CorrelationId(), False)),
                name="sequere_event_correlation",
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["stream", "version"], name="sequere_event_version"),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="sequere_event_idempotency",
            ),
            models.CheckConstraint(
                condition=~models.Q(type=FOLLOWED) | models.Q(_ODD_VERSION),
                name="sequere_event_followed_odd",
            ),
            models.CheckConstraint(
                condition=~models.Q(type=UNFOLLOWED) | ~models.Q(_ODD_VERSION),
                name="sequere_event_unfollowed_even",
            ),
        )

    def __str__(self) -> str:
        return " ".join(filter(None, [str(self.actor), self.verb or self.type, str(self.target or "")]))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableEvent(operation="save()")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")

    @property
    def actor(self) -> ResourceKey:
        return ResourceKey(self.actor_identifier, self.actor_object_id)

    @property
    def target(self) -> ResourceKey | None:
        return ResourceKey(self.target_identifier, self.target_object_id) if self.target_identifier else None

    @property
    def subject(self) -> ResourceKey:
        """The resource whose audience this concerns: the one followed, or the actor of anything else."""
        followed = self.target if self.type in {FOLLOWED, UNFOLLOWED} else None
        return followed or self.actor

    @property
    def age(self) -> float:
        """Seconds since it was recorded; never less than none, though the clocks of two machines differ."""
        return max(0.0, (timezone.now() - self.recorded_at).total_seconds())


#: All columns but the id, which the database hands out.
COLUMNS = tuple(field.attname for field in Event._meta.concrete_fields if not field.primary_key)


def stream_of(kind: str, *keys: ResourceKey) -> UUID:
    """The stream of what `kind` and `keys` name: 128 bits of SHA-256, which databases know as well.

    No key contains the NUL that separates them.
    """
    return UUID(bytes=hashlib.sha256("\0".join((kind, *chain.from_iterable(keys))).encode()).digest()[:16])


def relation(from_key: ResourceKey, to_key: ResourceKey) -> UUID:
    """The stream of the relation from → to. While its last version is odd, from follows to."""
    return stream_of("relation", from_key, to_key)


class Relation(models.Func):
    """The same in SQL, from the columns of both keys."""

    output_field = models.UUIDField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        # Bytes, since no text contains NUL.
        keys = "".join(f" || '\\x00'::bytea || convert_to({column}, 'UTF8')" for column in self._columns(compiler))
        return f"ENCODE(SUBSTR(SHA256('relation'::bytea{keys}), 1, 16), 'hex')::uuid", []

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        # The function is Django's.
        keys = "".join(f" || CHAR(0) || {column}" for column in self._columns(compiler))
        return f"SUBSTR(SHA256('relation'{keys}), 1, 32)", []

    def _columns(self, compiler: Any) -> list[str]:
        return [compiler.compile(column)[0] for column in self.get_source_expressions()]


def lifecycle(key: ResourceKey) -> UUID:
    """The stream of the resource itself: one `deleted` event for each time it was deleted."""
    return stream_of("resource", key)


#: The last event of each stream that has one.
Latest = Mapping[UUID, Event]


def latest_of(streams: Iterable[UUID], using: str) -> dict[UUID, Event]:
    """The last event of each of `streams` that has one: 1 query."""
    sql, values = _latest(streams, using)
    return {event.stream: event for event in instances(Event, sql, values, using)}


def latest_among(events: Iterable[Event], using: str) -> dict[UUID, Event]:
    """The last event of each stream that events are of: 1 query, and 1 more if some of them are others than these."""
    known = {event.pk: event for event in events}
    sql, values = _latest({event.stream for event in known.values()}, using, "id")
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        ids = [id_ for (id_,) in cursor.fetchall()]
    others = [id_ for id_ in ids if id_ not in known]
    if others:
        known |= Event.objects.using(using).in_bulk(others)
    return {known[id_].stream: known[id_] for id_ in ids}


def all_and_latest(of_all: Iterable[UUID], of_latest: Iterable[UUID], using: str) -> list[Event]:
    """All events of some streams, each in its order, and the last ones of others: 1 query."""
    select, values = _given(of_all, using)
    latest, more = _latest(of_latest, using)
    whole = f"SELECT event.* FROM ({select}) given JOIN {Event._meta.db_table} event USING (stream)"
    return instances(Event, f"{whole} UNION ALL {latest} ORDER BY id", [*values, *more], using)


def _latest(streams: Iterable[UUID], using: str, columns: str = "*") -> tuple[str, list[Any]]:
    select, values = _given(streams, using)
    last = last_event(connections[using], "last", "given.stream")
    return f"SELECT last.{columns} FROM ({select}) given JOIN {last}", values


def _given(streams: Iterable[UUID], using: str) -> tuple[str, list[Any]]:
    return given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])


def last_event(connection: BaseDatabaseWrapper, name: str, stream: str, condition: str = "true") -> str:
    """What JOIN and LEFT JOIN take: under a name the last event of a stream, looked up in the index, if it is so."""
    event = connection.ops.quote_name(Event._meta.db_table)
    last = f"FROM {event} WHERE stream = {stream} ORDER BY version DESC LIMIT 1"
    if connection.vendor == "postgresql":  # which, wrong about sizes, may read the whole log for any other join
        return f"LATERAL (SELECT * {last}) {name} ON {condition}"
    return f"{event} {name} ON {name}.id = (SELECT id {last}) AND {condition}"


class Intent(NamedTuple):
    """What a caller wants to be true; it becomes an event when the log says that it is news."""

    type: str
    stream: UUID
    actor: ResourceKey
    #: From the last event of the stream, if any, and the log: the data of the new one, or None when it were no news.
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
        """The event, if it is news; without a time of its own, as many microseconds later as there are before it."""
        last = latest.get(self.stream)
        data = self.decide(last, latest)
        if data is None:
            return None
        version = last.version + 1 if last else 1
        what = (self.type, self.stream, version, *self.actor, *(self.target or ("", "")), self.verb)
        when = (self.occurred_at or now + place * _MICROSECOND, now)
        # In the order of the columns: by name would take Django three times as long.
        values: list[Any] = [*what, *when, data, {}, SCHEMA_VERSION, self.idempotency_key]
        return Event(None, *values)  # type: ignore[misc]  # takes the list for one of its elements

    def is_said_by(self, event: Event) -> bool:
        same_time = self.occurred_at in {None, event.occurred_at}
        return same_time and (self.type, self.stream) == (event.type, event.stream)


class Outcome(NamedTuple):
    """What became of an intent: its event, or None when it was no news."""

    event: Event | None
    #: False also for the stored event of an idempotency key.
    is_new: bool


def record(intents: Sequence[Intent], **metadata: Any) -> list[Outcome]:
    """Append to the log what is news in `intents`, and announce it, in one transaction.

    Decides from the log alone. Of two writers of one stream the database lets one win (UNIQUE stream, version);
    the other looks again and is told that there was no news. Events without a time of their own happen one
    microsecond after the other, in the given order. Costs 1 statement without news, else 3 plus what the
    receivers of `events_recorded` do; 1 more with idempotency keys. Raises IdempotencyConflict,
    InvalidIdempotencyKey, InvalidEventData.
    """
    if not intents:
        return []
    using = router.db_for_write(Event)
    try:
        return _record(intents, metadata, using)
    except _Overtaken:
        return _record(intents, metadata, using, is_second=True)


class _Overtaken(IntegrityError):
    """Another writer was first: what was news may be none."""


def _record(
    intents: Sequence[Intent], metadata: Mapping[str, Any], using: str, *, is_second: bool = False
) -> list[Outcome]:
    """Decide, and then lock what is news; the second time the other way round, so that nobody is first again."""
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
        _insert(events, metadata, using)
        events_recorded.send(sender=Event, events=events, using=using)
    return outcomes


def _lock(intents: Iterable[Intent], using: str) -> None:
    lock((key for intent in intents for key in intent.resources()), using)


def _checked(idempotency_key: Any) -> str:
    if isinstance(idempotency_key, str) and 1 <= len(idempotency_key) <= 255 and "\x00" not in idempotency_key:
        return idempotency_key
    raise InvalidIdempotencyKey(key=idempotency_key)


def _insert(events: Sequence[Event], metadata: Mapping[str, Any], using: str) -> None:
    """Append events, in one statement; ids are handed out in the given order."""
    for event in events:
        event.metadata = metadata
    try:
        returned = insert(Event, COLUMNS, [*map(attrgetter(*COLUMNS), events)], using, suffix="RETURNING id")
    except IntegrityError as error:
        raise _Overtaken(*error.args) from error
    for event, (pk,) in zip(events, sorted(returned), strict=True):
        event.pk = pk
        event._state.adding, event._state.db = False, using


def _decide(intents: Sequence[Intent], using: str) -> list[Outcome]:
    log = Event.objects.using(using)
    keys = [_checked(intent.idempotency_key) for intent in intents if intent.idempotency_key is not None]
    streams = {stream for intent in intents for stream in (intent.stream, *intent.reads)}
    latest = latest_of(streams, using)
    # Later than that: whoever finds that it was no news also finds the event with his key that made it so.
    stored = {event.idempotency_key: event for event in log.filter(idempotency_key__in=keys)} if keys else {}
    now = timezone.now()
    outcomes = []
    drafts = 0
    for intent in intents:
        if intent.idempotency_key in stored:
            event = stored[intent.idempotency_key]
            if not intent.is_said_by(event):
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


def _name_of(instance: models.Model) -> str:
    """The name of an instance in the metadata, whether it is registered or not."""
    try:
        return str(registry.key_of(instance))
    except SequereException:
        return f"{instance._meta.label_lower}:{instance.pk}"
