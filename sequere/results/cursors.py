"""Places in a list, and cursors: places as texts that a client may keep, and cannot make up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, overload

from django.core.signing import BadSignature, Signer

from sequere.exceptions import InvalidCursor

T = TypeVar("T")


class Place(NamedTuple):
    """Where an entry stands in a list: its moment, and a number that tells it from others of the same moment."""

    moment: datetime
    tie: int


@dataclass(frozen=True, slots=True)
class CursorPage(Sequence[T]):
    """Some items of a list, and how to go on after them; read like a list."""

    items: list[T]
    #: What page() takes for the next page; None on the last one.
    next_cursor: str | None
    #: How many entries of the page are left out, since the model's `get_queryset()` does not show them.
    hidden: int = 0

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> "T | list[T]":
        return self.items[index]


def to_cursor(place: Place) -> str:
    """A place as a signed text, which needs no escaping in an address."""
    return _signer().sign_object([place.moment.isoformat(), place.tie])


def from_cursor(cursor: str) -> Place:
    """The place that a cursor means. Raises InvalidCursor."""
    try:
        moment, tie = _signer().unsign_object(cursor)
    except (BadSignature, UnicodeError) as error:
        raise InvalidCursor(cursor=_shortened(cursor)) from error
    return Place(datetime.fromisoformat(moment), tie)


def _signer() -> Signer:
    return Signer(salt="sequere.results.cursors", sep=".")


def _shortened(cursor: Any) -> str:
    text = ascii(str(cursor))[1:-1]
    return text if len(text) <= 60 else f"{text[:60]}…"
