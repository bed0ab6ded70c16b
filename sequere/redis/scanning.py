"""A walk over keys that only Redis knows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sequere.projections.reconciler import Cursor, Page, Pass
from sequere.redis.connection import Connection

#: SCANs after which a page ends, be it empty.
SCANS_AT_ONCE = 20


class ScanPass(Pass):
    """The keys with certain endings, as SCAN finds them: in no order, so there is nowhere to cut, and some come twice.

    A cursor of SCAN means nothing to a server that was started again: then the walk begins anew.
    """

    patterns: ClassVar[tuple[str, ...]]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keys(self, found: Sequence[str], using: str) -> Any:
        """What the other methods take."""
        return found

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        """The cursor: the run of the server, a pattern, SCAN's own cursor for it, and keys that were found already."""
        run = self._connection.run_id()
        _, pattern, cursor, found = after if after and after[0] == run else (run, 0, "0", [])
        for _ in range(SCANS_AT_ONCE):
            if len(found) >= self.size or pattern == len(self.patterns):
                break
            cursor, more = self._connection.scan(self.patterns[pattern], cursor)
            found = [*found, *more]
            pattern += cursor == "0"
        keys, rest = found[: self.size], found[self.size :]
        is_last = not rest and pattern == len(self.patterns)
        wanted = self.keys(list(dict.fromkeys(keys)), using) if keys else None
        return Page(wanted or None, len(keys), None if is_last else [run, pattern, cursor, rest])
