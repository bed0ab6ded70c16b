"""Keys of a read model that only Redis knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sequere.projections.reconciler import Cursor, KeySource, Page
from sequere.redis.connection import Connection

#: SCANs after which a page ends, even if it is empty.
SCANS_PER_PAGE = 20


def _as_found(keys: list[str], using: str) -> list[str]:
    return keys


@dataclass
class ScanKeys(KeySource):
    """The keys with certain endings, as SCAN finds them: in no order, so they cannot be cut, and some come twice.

    A cursor of SCAN is valid until the server is restarted. After that the pass begins anew.
    """

    connection: Connection
    #: Endings, and the types of the keys with them; any type if that is empty. Others are left to `layout`.
    patterns: tuple[tuple[str, str], ...]
    #: What the comparison takes, made of the keys that were found and the alias of the log's database.
    read: Callable[[list[str], str], Any] = _as_found
    size: int = 500

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """Up to 21 round trips, and what `read()` costs.

        The cursor: the run of the server, the position of a pattern, SCAN's own cursor for it, and keys that are found
        already.
        """
        run = self.connection.run_id()
        _, pattern, cursor, found = after if after and after[0] == run else (run, 0, "0", [])
        for _ in range(SCANS_PER_PAGE):
            if len(found) >= self.size or pattern == len(self.patterns):
                break
            ending, type_ = self.patterns[pattern]
            cursor, more = self.connection.scan(ending, cursor, type_)
            found = [*found, *more]
            pattern += cursor == "0"
        keys, rest = found[: self.size], found[self.size :]
        is_last = not rest and pattern == len(self.patterns)
        wanted = self.read(list(dict.fromkeys(keys)), using) if keys else None
        return Page(wanted or None, len(keys), None if is_last else [run, pattern, cursor, rest])
