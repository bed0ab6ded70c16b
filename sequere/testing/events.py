"""What a block records, compared with what it should record."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import router

from sequere.log.models import Event
from sequere.registry import registry
from sequere.signals import events_recorded


@contextmanager
def recorded_events() -> Iterator[list[Event]]:
    """The events recorded in this block and not rolled back, in the order of the log. 1 query."""
    recorded: list[Event] = []

    def note(events: Sequence[Event], **_: Any) -> None:
        recorded.extend(events)

    events_recorded.connect(note)
    try:
        yield recorded
    finally:
        events_recorded.disconnect(note)
    if recorded:
        log = Event.objects.using(router.db_for_write(Event))
        kept = set(log.filter(pk__in=[event.pk for event in recorded]).values_list("pk", "stream", "version"))
        recorded[:] = [event for event in recorded if (event.pk, event.stream, event.version) in kept]


@contextmanager
def assert_records(*expected: tuple[Any, ...]) -> Iterator[None]:
    """Fail unless this block records exactly these events, in this order.

    Each is (type, actor) or (type, actor, target), or one of these with the data of the event as its last part, a dict.
    A type is an EventType or its name; actor and target are instances or keys.
    """
    with recorded_events() as recorded:
        yield
    compare_events(recorded, expected)


def compare_events(recorded: Sequence[Event], expected: Sequence[tuple[Any, ...]]) -> None:
    """Raise AssertionError unless these events were recorded, as `assert_records()` names them."""
    wanted = [_wanted(*one) for one in expected]
    with_data = [isinstance(one[-1], dict) for one in wanted]
    found = [
        (event.type, *filter(None, (event.actor, event.target)), *([event.data] if has_data else ()))
        for event, has_data in zip(recorded, [*with_data, *[False] * len(recorded)], strict=False)
    ]
    if found != wanted:
        raise AssertionError(f"recorded {shown(found)}, expected {shown(wanted)}")


def _wanted(type_: Any, *parts: Any) -> tuple[Any, ...]:
    name = type_ if isinstance(type_, str) else type_.name
    return (name, *(part if isinstance(part, dict) else registry.key_of(part) for part in parts))


def shown(events: Sequence[tuple[Any, ...]]) -> str:
    return "; ".join(" ".join(map(str, event)) for event in events) or "nothing"
