"""The rows of the resources, which give them their uids. They are no read model: a rebuild leaves them as they are."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.suspensions import store_suspensions, wrong_suspensions
from sequere.log.uids import named_resources, wrong_resources
from sequere.projections.reconciler import (
    Comparison,
    Cursor,
    Difference,
    KeySource,
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


class WrongSuspensions(KeySource):
    """The resources whose rows say something else than the log about their suspension. Few are suspended: all are on
    one page."""

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """2 queries."""
        return Page(wrong_suspensions(using) or None, 0, None)


class SuspensionComparison(Comparison):
    """Names the resources whose rows say something else than the log, and makes these say what it says."""

    def resources(self, keys: Mapping[ResourceKey, bool], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Mapping[ResourceKey, bool], using: str, *, repair: bool) -> list[Difference]:
        wrong = {key: wanted for key, wanted in wrong_suspensions(using).items() if key in keys}
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
