"""Two backends, one history: every answer is the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequere.backends.base import BaseBackend, get_backend
from sequere.backends.database import DatabaseBackend
from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.log.suspensions import changes_pauses
from sequere.models import follow_many, unfollow, unfollow_many
from sequere.outbox.pausing import Pauses
from sequere.registry import registry
from sequere.relations.key import FOLLOWS, RelationKey
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.results.relations import RelationList
from sequere.signals import events_recorded
from sequere.testing.contracts.base import follower_pages
from sequere_timeline.backends.base import BaseTimelineBackend as TimelinesBackend
from sequere_timeline.backends.database import DatabaseBackend as TimelinesInDatabase
from tests.model.plain import Plain
from tests.model.test_histories import Site as Community
from tests.model.test_histories import steps as histories
from tests.rounds import TIMES
from tests.testapp.models import Project, User

IN_THE_DATABASE = {
    "SEQUERE_BACKEND": "sequere.backends.database.DatabaseBackend",
    "SEQUERE_TIMELINE_BACKEND": "sequere_timeline.backends.database.DatabaseBackend",
}

#: Those of the profile, and that a fixture is shared by all examples: the server is emptied below.
SUPPRESSED = [*settings().suppress_health_check, HealthCheck.function_scoped_fixture]

USERS, PROJECTS = range(1, 5), range(5, 7)
START = datetime(2013, 10, 25, tzinfo=UTC)

user, anything, moment = st.integers(1, 4), st.integers(1, 6), st.integers(0, 10**6)
pairs = st.lists(st.tuples(user, anything, moment), min_size=1, max_size=6, unique_by=lambda pair: pair[2])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("follow"), pairs),
        st.tuples(st.just("unfollow"), user, anything),
        st.tuples(st.just("unfollow_many"), pairs),
        st.tuples(st.just("delete"), anything),
    ),
    max_size=20,
)


class Site:
    """The log and two read models of it. A deleted instance comes back when it is needed."""

    def __init__(self) -> None:
        self.instances: dict[int, Any] = {}
        self.moments: set[int] = set()

    def get(self, number: int) -> Any:
        if number not in self.instances:
            model, name = (User, "username") if number in USERS else (Project, "name")
            self.instances[number] = model.objects.create(pk=number, **{name: str(number)})
        return self.instances[number]

    def do(self, step: str, *arguments: Any) -> None:
        if step == "follow":
            chosen = [(one, other, at) for one, other, at in arguments[0] if one != other and at not in self.moments]
            self.moments |= {at for _, _, at in chosen}  # only one model orders equal moments by the log
            follow_many(
                (self.get(one), self.get(other), START + timedelta(microseconds=at)) for one, other, at in chosen
            )
        elif step == "unfollow_many":
            unfollow_many((self.get(one), self.get(other)) for one, other, _ in arguments[0] if one != other)
        elif step == "delete":
            self.get(arguments[0])
            self.instances.pop(arguments[0]).delete()
        elif arguments[0] != arguments[1]:
            unfollow(*map(self.get, arguments))


def answers(backend: BaseBackend, site: Site) -> dict[str, Any]:
    keys = [registry.key_of(site.get(number)) for number in (*USERS, *PROJECTS)]
    found: dict[str, Any] = {}
    for key in keys:
        live = backend.live_among([RelationKey(key, other) for other in keys])
        found[f"{key} follows"] = {relation.to_key for relation in live}
        found[f"{key} is followed"] = sorted(chain.from_iterable(follower_pages(backend, key)))
        for what in ("followers", "followings", "friends"):
            for kind in (None, "user", "project"):
                found[f"{key} {what} {kind} count"] = backend.count(what, FOLLOWS, key, kind)
                for desc in (True, False):
                    whole = backend.related(what, FOLLOWS, key, kind, desc=desc)
                    found[f"{key} {what} {kind} {desc}"] = (list(whole), list(whole.all()[1:3]), whole.count())
                    found[f"{key} {what} {kind} {desc}, page by page"] = list(pages(whole))
    return found


def pages(whole: RelationList) -> Iterator[list[Any]]:
    page = whole.page(2)
    yield list(page)
    while page.next_cursor:
        page = whole.page(2, page.next_cursor)
        yield list(page)


@contextmanager
def also_applied_to(*backends: BaseBackend | TimelinesBackend) -> Iterator[None]:
    """Recorded events are applied to other read models too."""

    def apply(events: Sequence[Event], using: str, **_: Any) -> None:
        for projector in projectors:
            projector.apply(events, using=using)
        for event in filter(changes_pauses, events):
            Pauses(projectors).fan_out(event, None, using=using)

    projectors = [backend.projector for backend in backends]

    events_recorded.connect(apply)
    try:
        yield
    finally:
        events_recorded.disconnect(apply)


@pytest.mark.django_db
@given(history=steps)
@settings(max_examples=4 * TIMES, suppress_health_check=SUPPRESSED)
def test_any_history_gives_the_same_answers_in_the_database_and_in_redis(client: Any, history: list[Any]) -> None:
    client.flushall()
    with transaction.atomic():
        in_redis, in_the_database, site = get_backend(), DatabaseBackend(), Site()
        with also_applied_to(in_the_database):
            for step in history:
                site.do(*step)

        expected = answers(in_the_database, site)
        assert answers(in_redis, site) == expected
        assert verify("follows").wrong == 0

        client.flushall()
        rebuild("follows")
        assert answers(in_redis, site) == expected
        assert verify("follows").wrong == 0
        transaction.set_rollback(True)


@pytest.mark.django_db
@given(history=histories, imports=st.booleans(), removes=st.booleans())
@settings(max_examples=3 * TIMES, suppress_health_check=SUPPRESSED)
def test_any_history_gives_the_same_timelines_in_the_database_and_in_redis(
    client: Any, history: list[Any], imports: bool, removes: bool
) -> None:
    client.flushall()
    chosen = {
        "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW": imports,
        "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW": removes,
    }
    with override_settings(**chosen), transaction.atomic():
        community = Community(Plain(imports, removes))
        with also_applied_to(DatabaseBackend(), TimelinesInDatabase()):
            for step in history:
                community.do(*step)
                for instance in community.instances.values():  # so that the timelines are stored, and change
                    Timeline(instance).get_private_count()

        with override_settings(**IN_THE_DATABASE):
            expected = community.answers(capped=False)
        assert community.answers(capped=False) == expected
        assert verify("timelines").wrong == 0

        client.flushall()
        for name in ("follows", "timelines"):
            rebuild(name)
        assert community.answers(capped=False) == expected
        assert verify("timelines").wrong == 0
        transaction.set_rollback(True)
