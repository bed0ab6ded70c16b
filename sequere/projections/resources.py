"""The rows of the resources, which give them their uids. They are no read model: a rebuild leaves them as they are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, lock
from sequere.log.suspensions import (
    store_suspensions,
    suspended_rows,
    suspending,
    without_event,
    without_row,
    wrong_suspensions,
)
from sequere.log.uids import named_resources, wrong_resources
from sequere.projections.reconciler import (
    Comparison,
    Cursor,
    Difference,
    KeySource,
    OrphanKeys,
    Page,
    Reconciler,
    SpanKeys,
    Uncounted,
)


class _NamedResources(Uncounted, SpanKeys):
    """The resources that events name at one end; a page has what is wrong with them. It is not cut, since it is soon
    through."""

    def cuts(self, size: int, using: str) -> list[Cursor]:
        return []


def _wrong(named: "models.QuerySet[Any]", using: str) -> dict[ResourceKey, int] | None:
    names, values = named.query.get_compiler(using).as_sql()
    return wrong_resources(names, values, using) or None


class RowComparison(Comparison):
    """Names the resources of the log that have no row, or several. With a repair, those without one get one."""

    def resources(self, keys: Mapping[ResourceKey, int], using: str) -> tuple[ResourceKey, ...]:
        return ()  # to lock one that is missing would create it

    def compare(self, keys: Mapping[ResourceKey, int], using: str, *, repair: bool) -> list[Difference]:
        if repair:
            lock([key for key, number in keys.items() if not number], using)
        return [Difference(f"rows of resource {key}", 1, number) for key, number in keys.items()]


def _rows_of(name: str, end: str) -> Reconciler:
    columns = (f"{end}identifier", f"{end}object_id")
    keys = _NamedResources(partial(named_resources, end), _wrong, columns=columns, size=2000)
    return Reconciler(f"rows of {name}", keys, RowComparison())


def _keys_of_rows(rows: Sequence[Sequence[Any]], using: str) -> list[ResourceKey]:
    return [ResourceKey(*key) for _uid, *key in rows]


def _keys_of_events(rows: Sequence[Sequence[Any]], using: str) -> list[ResourceKey]:
    return [ResourceKey(*key) for *key, _id in rows]


class WrongSuspensions(KeySource):
    """The resources whose rows say something else than the log about their suspension: first those that only their rows
    call suspended, then those that only the log does. The database compares pages of 5,000."""

    size = 1  # there is nothing in a page to apply
    sources = (
        OrphanKeys(suspended_rows, _keys_of_rows, ("uid",), also=KEY, orphans=without_event),
        # In the order of the index in which only these events stand.
        OrphanKeys(suspending, _keys_of_events, ("actor_identifier", "actor_object_id", "id"), orphans=without_row),
    )

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """2 queries for each page of a source, 3 for its last one. It has no cuts, so `until` is the end."""
        number, *place = after or [0]
        found = self.sources[number].page(place or None, None, using)
        if found.end is not None:
            return Page(found.keys, 0, [number, *found.end])
        is_last = number + 1 == len(self.sources)
        if found.keys is None and not is_last:
            return self.page([number + 1], until, using)
        return Page(found.keys, 0, None if is_last else [number + 1])


class SuspensionComparison(Comparison):
    """Names the resources whose rows say something else than the log, and makes these say what it says."""

    def resources(self, keys: Collection[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Collection[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        wrong = wrong_suspensions(keys, using)
        if repair:
            for wanted in (True, False):
                store_suspensions([key for key in wrong if wrong[key] is wanted], using, are_suspended=wanted)
        return [Difference(f"whether resource {key} is suspended", *_said(wanted)) for key, wanted in wrong.items()]


def _said(wanted: bool) -> tuple[str, str]:  # the only thing there is to say
    return ("yes", "no") if wanted else ("no", "yes")


#: One for each end of an event; then whether resources are suspended, which relations depend on.
RESOURCE_ROWS = (
    _rows_of("actors", "actor_"),
    _rows_of("targets", "target_"),
    Reconciler("suspensions", WrongSuspensions(), SuspensionComparison()),
)
