"""Long iterables in parts."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def chunks(things: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of at most `size` things each."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
