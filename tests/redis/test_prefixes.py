"""A prefix that depends on something, such as the tenant: what has another one is somewhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from django.core.checks import run_checks

from sequere.backends.base import get_backend
from sequere.contrib.timeline import Timeline
from sequere.exceptions import InvalidBackendOption, OtherPrefix
from sequere.models import follow, get_followers, get_followers_count
from sequere.projections.registry import projections
from sequere.replay.rebuilding import rebuild
from tests.redis.counting import round_trips
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db

_prefix = ContextVar("prefix", default="one:")


@contextmanager
def under(prefix: Any) -> Iterator[None]:
    token = _prefix.set(prefix)
    try:
        yield
    finally:
        _prefix.reset(token)


@pytest.fixture(autouse=True)
def depending(in_redis: None, settings: Any) -> None:
    for name, ending in (("SEQUERE_BACKEND_OPTIONS", ""), ("SEQUERE_TIMELINE_BACKEND_OPTIONS", "timeline:")):
        # As a host may write it: what it adds a text to must be one.
        setattr(settings, name, getattr(settings, name) | {"prefix": lambda ending=ending: _prefix.get() + ending})


def test_each_prefix_has_a_model_of_its_own(client: Any, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    Timeline(thoas).save(action := JoinAction(actor=thoas))
    with under("two:"):
        for name in projections():
            rebuild(name)
        follow(thoas, newbie)
        found = get_followers_count(thoas), get_followers_count(newbie), list(Timeline(newbie).get_private())

    assert found == (1, 1, [action])
    assert (get_followers_count(thoas), get_followers_count(newbie)) == (1, 0)
    assert {key.partition(":")[0] for key in client.scan_iter()} == {"one", "two"}


def test_all_share_the_connections_and_cost_no_round_trip_more(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    clients = set()
    for prefix in ("one:", "two:"):
        with under(prefix):
            clients.add(id(get_backend().projector._model.connection.client))

    assert len(clients) == 1
    with round_trips(1):
        get_followers_count(thoas)


def test_a_list_is_not_read_elsewhere(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    lists = [get_followers(thoas), Timeline(newbie).get_private()]

    for found in lists:
        with under("two:"), pytest.raises(OtherPrefix, match="'two:"):
            list(found)
    assert [one for one, _ in get_followers(thoas)] == [newbie]


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [(None, "cannot be asked for: TypeError"), (b"two:", "cannot be asked for: TypeError"), ("*", r"contains a \*")],
)
def test_what_is_no_prefix_is_refused(thoas: User, prefix: Any, reason: str) -> None:
    with under(prefix):
        for look in (lambda: get_followers_count(thoas), Timeline(thoas).get_public_count):
            with pytest.raises(InvalidBackendOption, match=reason):
                look()
        found = {message.id for message in run_checks()}

    assert {"sequere.E009", "sequere_timeline.E007"} <= found


def test_a_prefix_is_a_text(settings: Any, thoas: User) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_BACKEND_OPTIONS | {"prefix": lambda: 7}

    with pytest.raises(InvalidBackendOption, match="returns 7, which is not a text"):
        get_followers_count(thoas)
