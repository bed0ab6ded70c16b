"""For the tests of host projects, under Django's TestCase as well, which never commits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import router

from sequere.events import Event
from sequere.outbox import drain_all
from sequere.registry import registry
from sequere.signals import events_recorded


def drain() -> int:
    """Apply what waits in the outbox, also inside a transaction; returns how many events were applied."""
    return drain_all(using=router.db_for_write(Event))


@contextmanager
def draining() -> Iterator[None]:
    """In this block every call applies what it has recorded at once, as its commit would."""

    def drain_now(**_: Any) -> None:
        drain()

    events_recorded.connect(drain_now)
    try:
        yield
    finally:
        events_recorded.disconnect(drain_now)


@contextmanager
def recorded_events() -> Iterator[list[Event]]:
    """The events that are recorded in this block, in the order of the log."""
    recorded: list[Event] = []

    def note(events: Sequence[Event], **_: Any) -> None:
        recorded.extend(events)

    events_recorded.connect(note)
    try:
        yield recorded
    finally:
        events_recorded.disconnect(note)


@contextmanager
def assert_records(*expected: tuple[Any, ...]) -> Iterator[None]:
    """Fail unless this block records just these events, as (type, actor) or (type, actor, target), in this order."""
    with recorded_events() as recorded:
        yield
    wanted = [(type_, *map(registry.key_of, resources)) for type_, *resources in expected]
    found = [(event.type, *filter(None, (event.actor, event.target))) for event in recorded]
    if found != wanted:
        raise AssertionError(f"recorded {_shown(found)}, expected {_shown(wanted)}")


def _shown(events: list[tuple[Any, ...]]) -> str:
    return "; ".join(" ".join(map(str, event)) for event in events) or "nothing"
