"""The metadata of events: who did something, and why."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequere.log.models import Event

_metadata: ContextVar[Mapping[str, Any]] = ContextVar("sequere_metadata", default=MappingProxyType({}))


@contextmanager
def event_metadata(**metadata: Any) -> Iterator[None]:
    """Add `metadata` to every event that this thread or task records inside the block.

    Blocks nest, and the inner one wins. The usual names are `who` (an instance or a text), `request` (the path),
    `correlation_id` and `causation_id`. A callable is called when an event is recorded, and only then. Recording
    raises InvalidEventData for what JSON cannot express.
    """
    token = _metadata.set({**_metadata.get(), **metadata})
    try:
        yield
    finally:
        _metadata.reset(token)


def by_default(**metadata: Any) -> dict[str, Any]:
    """Those of `metadata` that nobody has said yet."""
    return {name: value for name, value in metadata.items() if _metadata.get().get(name) is None}


@contextmanager
def caused_by(event: "Event") -> Iterator[None]:
    """Everything recorded in this block names `event` as its cause, and has its correlation id.

    Sequere does so by itself around the methods `on_<type>` and `fan_out()` of a projector, and around the receivers of
    a signal that carries an event.
    """
    with event_metadata(causation_id=event.pk, correlation_id=event.metadata.get("correlation_id")):
        yield


@contextmanager
def without_metadata() -> Iterator[None]:
    """In this block nothing is added: a process applies the events of others, not those of its own request."""
    token = _metadata.set(MappingProxyType({}))
    try:
        yield
    finally:
        _metadata.reset(token)


def is_costly(added: Mapping[str, Any]) -> bool:
    """Whether the metadata in force are found out by calling something, which is done only for what is recorded."""
    return any(map(callable, (*_metadata.get().values(), *added.values())))


def current_metadata(name_of: Callable[[Any], str], added: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata in force and `added`, without values that are None. `name_of` turns an instance into its name."""
    values = {key: value() if callable(value) else value for key, value in {**_metadata.get(), **added}.items()}
    return {
        key: name_of(value) if hasattr(value, "_meta") else value for key, value in values.items() if value is not None
    }
