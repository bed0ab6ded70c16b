"""Places in a list, and cursors: signed texts of places, which a client can keep but not forge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, overload

from django.core.signing import BadSignature, Signer

from sequere.exceptions import InvalidCursor

_T = TypeVar("_T")


class Place(NamedTuple):
    """Where an entry stands in a list: its moment, and a number that orders entries of the same moment."""

    moment: datetime
    tie: int


@dataclass(frozen=True, slots=True)
class CursorPage(Sequence[_T]):
    """Some items of a list, and the cursor of the next ones. It reads like a list."""

    items: list[_T]
    #: The argument of page() for the next page; None on the last one.
    next_cursor: str | None
    #: The same for the page before; None on the first one.
    previous_cursor: str | None = None
    #: How many entries of the page are left out, because `get_queryset()` of their model does not show them.
    hidden: int = 0

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...

    def __getitem__(self, index: int | slice) -> "_T | list[_T]":
        return self.items[index]


def to_cursor(place: Place, of: str, *, backwards: bool = False) -> str:
    """A place in a list as a signed text that needs no escaping in a URL. `of` names the list and its order. It stands
    for what comes after the place, or, `backwards`, before it."""
    return _signer(of).sign_object([place.moment.isoformat(), place.tie, *([1] if backwards else [])])


def from_cursor(cursor: Any, of: str) -> tuple[Place, bool]:
    """The place of a cursor of this list, and whether it stands for what comes before. Raises InvalidCursor."""
    if not isinstance(cursor, str):
        raise InvalidCursor(cursor=cursor)
    try:
        moment, tie, *backwards = _signer(of).unsign_object(cursor)
    except (BadSignature, UnicodeError) as error:
        raise InvalidCursor(cursor=_shortened(cursor)) from error
    return Place(datetime.fromisoformat(moment), tie), bool(backwards)


def _signer(of: str) -> Signer:
    """The name of the list is a part of what is signed: a cursor of another one is as good as a forged one."""
    return Signer(salt=f"sequere.results.cursors:{of}", sep=".")


def _shortened(cursor: Any) -> str:
    text = ascii(str(cursor))[1:-1]
    return text if len(text) <= 60 else f"{text[:60]}…"
