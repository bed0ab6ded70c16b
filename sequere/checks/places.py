"""The checks of the places where read models are kept."""

from collections import defaultdict
from collections.abc import Sequence

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import router

from sequere.exceptions import BackendException, CircularProjections
from sequere.log.models import Event
from sequere.projections.registry import projection, projections
from sequere.tenants import at_tenant, tenants_here


def check_places(databases: Sequence[str]) -> list[CheckMessage]:
    """Whether each log has its read models for itself; outside of all tenants, that of each. For each, 1 query, and 1
    round trip for each projection."""
    try:
        names = [*projections()]
    except (ImportError, AttributeError, TypeError, CircularProjections):  # another check reports it
        return []
    messages: list[CheckMessage] = []
    places: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for tenant in tenants_here():
        with at_tenant(tenant):
            if router.db_for_write(Event) in databases:
                for name in names:
                    messages += _check_place(name, tenant)
                    places[name, projection(name).where()].append(tenant)
    shared = {place: found for place, found in places.items() if place[1] and len(found) > 1}
    return [
        *messages,
        *(
            Error(
                f"The tenants {', '.join(map(str, found))} have the projection {name!r} under one prefix: {prefix!r}.",
                hint="Let the prefix be a callable that returns another one for each tenant: see docs/tenants.md.",
                id="sequere.E023",
            )
            for (name, prefix), found in shared.items()
        ),
    ]


def _check_place(name: str, tenant: str | None) -> list[CheckMessage]:
    one = projection(name)
    try:
        if not one.is_foreign(router.db_for_write(Event)):
            return []
    except BackendException:  # another check reports it
        return []
    whose = "" if tenant is None else f" of the tenant {tenant}"
    return [
        Error(
            f"The prefix {one.where()!r} of the projection {name!r}{whose} is that of another log: reads are refused.",
            hint="Give each site, and each tenant, a prefix of its own. If nobody uses the other log any more, run"
            " 'manage.py rebuild_projections', which removes what is there.",
            id="sequere.E024",
        )
    ]


def check_eviction() -> list[CheckMessage]:
    """Whether servers of read models drop parts of them. 1 round trip for each."""
    try:
        at_work = projections()
    except (ImportError, AttributeError, TypeError, CircularProjections):  # another check reports it
        return []
    messages: list[CheckMessage] = []
    for name, projector in at_work.items():
        try:
            policy = projector.examine_server()
        except BackendException as error:
            policy = ""
            messages.append(
                checks.Warning(
                    f"The server of the projection {name!r} cannot be checked: {error}",
                    hint="Run the check again when the server is up.",
                    id="sequere.W008",
                )
            )
        if policy:
            messages.append(
                checks.Warning(
                    f"The Redis server of the projection {name!r} has the maxmemory-policy {policy}: it drops keys when"
                    " its memory is full, and follows or timelines are silently wrong.",
                    hint="Set maxmemory-policy noeviction, and run 'manage.py verify_projections --repair'.",
                    id="sequere.W007",
                )
            )
    return messages
