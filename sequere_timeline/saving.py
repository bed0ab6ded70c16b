"""Recording new actions in one call of the database, and what every such call about an action has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.log.recording import Intent, record_in_database
from sequere.log.troubles import explaining
from sequere.outbox.enqueue import queueing_step
from sequere.outbox.queues import fan_out_queue_of
from sequere.projections.registry import queued_projections
from sequere.relations.appending import Step, StepReport
from sequere.sql.dialects import dialect
from sequere.sql.statements import statements
from sequere_timeline.conf import TIMELINES

#: The first parameters of the functions.
COMMON = (
    "%s::text, %s::smallint, %s::uuid, %s::text[], %s::text[], %s::uuid[], %s::text, %s::timestamptz,"
    " %s::timestamptz, %s::jsonb"
)
_RECORD = (
    "SELECT news.saved_id, news.generations{step} FROM ("
    "SELECT saved_id, generations, ARRAY[1] AS places, ARRAY[saved_id] AS event_ids, ARRAY[%s::uuid] AS streams"
    f" FROM sequere_record_action({COMMON}, %s::jsonb)) AS news"
)


class How(NamedTuple):
    """What an event says besides its intent."""

    now: datetime
    metadata: Mapping[str, Any]


@dataclass
class ActionCall:
    """An action on its way to the followers of its actor, or back from them."""

    intent: Intent
    event_id: int = 0
    reached: int = 0

    @property
    def queue(self) -> str:
        return fan_out_queue_of(TIMELINES)

    @property
    def keys(self) -> list[ResourceKey]:
        """Those of the actor, of the owner of the timeline, and of the target if there is one: as `Intent.reads` has
        their lives."""
        keys = (self.intent.actor, *self.intent.others, self.intent.target)
        return [cast(ResourceKey, key) for key in keys if key]

    @property
    def is_published(self) -> bool:
        """Whether it is in the timeline of its actor, and so in those of the followers."""
        actor, owner, *_ = self.keys
        return actor == owner

    def call(self, text: str, how: How, using: str, *more: Any, before: Sequence[Any] = ()) -> tuple[Any, ...]:
        """What a function of the database answers that takes what is COMMON, and `more`; the parameters of other
        expressions are `before` these. 1 statement."""
        intent, ops = self.intent, connections[using].ops
        values = [
            *(intent.type, event_types.of(intent.type).version, intent.stream.hex),
            *map(list, zip(*self.keys, strict=True)),
            [stream.hex for stream in intent.reads],
            intent.verb,
            *map(ops.adapt_datetimefield_value, (intent.occurred_at, how.now)),
            ops.adapt_json_value(how.metadata, None) if how.metadata else None,
        ]
        with explaining(self.keys, using), connections[using].cursor() as cursor:
            cursor.execute(text, [*before, *values, *more])
            return cast(tuple[Any, ...], cursor.fetchone())

    def event(self, version: int, data: Mapping[str, Any], how: How, using: str) -> Event:
        intent = self.intent
        actor, target = self.keys[0], intent.target or ("", "")
        what = (intent.stream, version, event_types.of(intent.type).version, intent.type)
        row = (intent.occurred_at, how.now, *what, *actor, *cast(ResourceKey, target), intent.verb, intent.scope, data)
        return Event.from_db(using, ("id", *EVENT_COLUMNS), (self.event_id, *row, how.metadata, None))


@dataclass
class NewAction(ActionCall):
    """An action that nobody has saved before."""

    kwargs: Mapping[str, Any] | None = None
    generations: tuple[int, ...] = ()
    #: What queues the event in the same call.
    queueing: Step | None = None

    def recorded(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        """Record that it is saved; the event. 1 statement."""
        how = How(timezone.now(), metadata)
        text, parameters = ("", ()) if self.queueing is None else (f", {self.queueing.text}", self.queueing.parameters)
        kwargs = connections[using].ops.adapt_json_value(self.kwargs, None)
        self.event_id, generations, *_ = self.call(
            _RECORD.format(step=text), how, using, kwargs, before=(*parameters, self.intent.stream)
        )
        self.generations = tuple(generations)
        events = [self.saved_event(how, using)]
        if self.queueing and self.queueing.told:
            self.queueing.told(StepReport([1], [self.event_id], events, None))
        return events

    def saved_event(self, how: How, using: str) -> Event:
        """The event that says so."""
        owner, target = self.keys[1], self.intent.target
        data = {
            "kwargs": self.kwargs,
            "owners": [[*owner, self.generations[1]]],
            "generations": {"actor": self.generations[0], "target": self.generations[2] if target else None},
        }
        return self.event(1, data, how, using)


def save_new(intent: Intent, kwargs: Mapping[str, Any]) -> Event | None:
    """Record an action that nobody has saved before, and queue its event, in one call of the database; None if the
    database has no functions. 1 statement, plus those of the receivers of `events_recorded`."""
    using = router.db_for_write(Event)
    if not dialect(connections[using]).has_routines:
        return None
    queueing = queueing_step([cast(ResourceKey, intent.actor)], using) if queued_projections() else None
    new = NewAction(intent, kwargs=kwargs, queueing=queueing)
    (event,) = record_in_database(new.recorded, applied=queueing.projections if queueing else ())
    return event


def action_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The function that records a new action."""
    return statements(__package__, connection.vendor) if dialect(connection).has_routines else {}
