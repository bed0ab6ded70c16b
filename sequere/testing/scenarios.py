"""given(past).when(call).then(events): what a verb of the host records after some past."""

from collections.abc import Callable, Sequence
from typing import Any

from sequere.log.models import Event
from sequere.log.recording import Intent, record
from sequere.testing.events import compare_events, recorded_events


class Past:
    """What `given()` has recorded."""

    def when(self, call: Callable[[], Any]) -> "Recording":
        """Call something. An exception is kept for `then()` and `then_raises()`."""
        with recorded_events() as events:
            try:
                call()
            except Exception as error:  # noqa: BLE001  # `then()` raises it again
                return Recording(events, error)
        return Recording(events, None)


class Recording:
    """What a call has recorded, or raised."""

    def __init__(self, events: Sequence[Event], error: Exception | None) -> None:
        self._events = events
        self._error = error

    def then(self, *expected: tuple[Any, ...]) -> None:
        """Fail unless the call has recorded exactly these events, as `assert_records()` takes them. Raises the
        exception of the call."""
        if self._error:
            raise self._error
        compare_events(self._events, expected)

    def then_raises(self, error: type[Exception]) -> None:
        """Fail unless the call has raised such an error, and recorded nothing."""
        if not isinstance(self._error, error):
            raise AssertionError(f"raised {self._error!r}, expected {error.__name__}") from self._error
        compare_events(self._events, ())


def given(*past: Intent | Callable[[], Any]) -> Past:
    """Record intents, and call functions, one after the other."""
    for one in past:
        if isinstance(one, Intent):
            record([one])
        else:
            one()
    return Past()
