"""A server that does not hold what this log says: that of another log, of an older Sequere, or of a later time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import checks
from django.db import connection

from sequere.backends.base import get_backend
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ForeignReadModel, ReadModelLost
from sequere.log.identity import log_id
from sequere.models import (
    Log,
    QueuedEvent,
    Resource,
    follow,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
)
from sequere.outbox.drain import drain_all
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.redis.test_follow_keys import uids
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("follows", "timelines")


def of_another_log(client: Any, last: int) -> None:
    """The database was exchanged for another one, under the same prefix."""
    Log.objects.all().delete()
    log_id("default", afresh=True)


def of_a_later_time(client: Any, last: int) -> None:
    """The database was restored from a backup: the server knows an event that the log has not."""
    for name in ("sequere:global:log:follows", "sequere:timeline:global:log:timelines"):
        client.hset(name, "event", last + 10**6)


def of_an_older_sequere(client: Any, last: int) -> None:
    """There, the server handed out the uids, and nothing said which log it was made of."""
    client.delete("sequere:global:log:follows", "sequere:timeline:global:log:timelines")
    client.set("sequere:global:uid", 10**9)


@pytest.mark.parametrize(
    ("exchange", "lost"),
    [
        (of_another_log, ForeignReadModel),
        (of_a_later_time, ReadModelLost),
        (of_an_older_sequere, ReadModelLost),
    ],
)
def test_it_is_lost_until_a_rebuild_and_recording_goes_on(
    client: Any,
    thoas: User,
    newbie: User,
    project: Project,
    exchange: Callable[[Any, int], None],
    lost: type[ReadModelLost],
) -> None:
    event = follow(thoas, project)
    Timeline(thoas).save(action := JoinAction(actor=thoas))
    assert event is not None
    exchange(client, event.pk)

    assert follow(newbie, project)
    assert unfollow(thoas, project)
    assert Timeline(thoas).delete(action)
    Timeline(newbie).save(JoinAction(actor=newbie))
    with pytest.raises(ReadModelLost):
        drain_all(using="default")
    for look in (
        lambda: get_followers_count(project),
        lambda: is_following(thoas, project),
        lambda: list(get_followers(project)),
        lambda: Timeline(thoas).get_public_count(),
    ):
        with pytest.raises(ReadModelLost) as raised:
            look()
        assert type(raised.value) is lost
    found = [one.id for one in checks.run_checks(tags=["database"], databases=["default"])]
    assert found == ["sequere.E024"] * 2 * (lost is ForeignReadModel)
    assert QueuedEvent.objects.count() == 4
    assert [verify(name).wrong for name in NAMES] == [1, 1]

    for name in NAMES:
        rebuild(name)
    drain_all(using="default")

    assert [one for one, _ in get_followers(project)] == [newbie]
    assert (Timeline(thoas).get_public_count(), Timeline(newbie).get_public_count()) == (0, 1)
    assert not QueuedEvent.objects.exists()
    assert differences() == []


def test_a_database_that_is_restored_to_before_a_deletion(client: Any, thoas: User, project: Project) -> None:
    """The server counts a life of the target that has not ended, and hid for ever what is done to it."""
    Timeline(thoas).save(action := JoinAction(actor=thoas, target=project))
    assert list(Timeline(thoas).get_private(target=project)) == [action]
    client.hset("sequere:timeline:names", f"generation:project:{project.pk}", "1")
    of_a_later_time(client, 0)

    Timeline(thoas).save(later := JoinAction(actor=thoas))  # as soon as an event is to be applied
    with pytest.raises(ReadModelLost):
        list(Timeline(thoas).get_private(target=project))
    for name in NAMES:
        rebuild(name)

    drain_all(using="default")

    assert list(Timeline(thoas).get_private(target=project)) == [action]
    assert list(Timeline(thoas).get_private()) == [later, action]
    assert not client.hexists("sequere:timeline:names", f"generation:project:{project.pk}")
    assert differences() == []


def test_uids_start_above_those_of_an_adopted_server(client: Any, thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, project)
    before = uids(thoas, project)
    of_an_older_sequere(client, 0)

    rebuild("follows")
    follow(newbie, project)

    assert uids(thoas, project) == before
    assert int(uids(newbie)[0]) > 10**9
    assert client.get("sequere:global:uid") == uids(newbie)[0]


def test_what_another_log_has_left_is_removed(client: Any, thoas: User, project: Project) -> None:
    """Otherwise a uid would be that of two resources."""
    follow(thoas, project)
    (uid,) = uids(project)
    of_another_log(client, 0)
    client.hset(f"sequere:uid::{uid}", mapping={"identifier": "user", "object_id": "theirs"})
    client.set("sequere:uid:user:theirs", uid)
    client.zadd(f"sequere:uid:{uid}:friends", {"4711": 1})

    rebuild("follows")

    assert [one for one, _ in get_followers(project)] == [thoas]
    assert not client.exists("sequere:uid:user:theirs", f"sequere:uid:{uid}:friends")
    assert verify("follows", on_difference=print).wrong == 0


def test_a_uid_that_belongs_to_another_resource_is_not_believed(client: Any, thoas: User, project: Project) -> None:
    """Neither by readers nor by writers."""
    follow(thoas, project)
    (uid,) = uids(project)
    client.hset(f"sequere:uid::{uid}", "object_id", "404")

    for look in (
        lambda: get_followers_count(project),
        lambda: list(get_followers(project)),
        lambda: is_following(project, thoas),
        lambda: get_backend().follower_page(ResourceKey("project", str(project.pk))),
    ):
        with pytest.raises(ReadModelLost):
            look()
    assert follow(UserFactory(), project)
    assert QueuedEvent.objects.count() == 1

    rebuild("follows")
    drain_all(using="default")
    assert get_followers_count(project) == 2
    assert not QueuedEvent.objects.exists()


def test_a_name_that_leads_to_another_uid_is_found(client: Any, thoas: User, newbie: User, project: Project) -> None:
    """Also that of a resource which the log does not know."""
    follow(thoas, project)
    follow(newbie, thoas)
    client.set(f"sequere:uid:project:{project.pk}", uids(newbie)[0])
    client.set("sequere:uid:project:404", uids(newbie)[0])
    said: list[str] = []

    verify("follows", on_difference=lambda difference: said.append(difference.what))

    assert f"resource project:{project.pk}" in said
    assert "resource project:404" in said
    rebuild("follows")
    assert verify("follows", on_difference=print).wrong == 0
    assert [one for one, _ in get_followers(project)] == [thoas]
    assert [one for one, _ in get_followers(thoas)] == [newbie]


def test_a_resource_without_a_row_is_named_and_gets_another_uid(client: Any, thoas: User, project: Project) -> None:
    follow(thoas, project)
    before = uids(project)
    Resource.objects.filter(identifier="project").delete()
    said: list[str] = []

    (message,) = (
        one for one in checks.run_checks(tags=["database"], databases=["default"]) if one.id == "sequere.E020"
    )
    verify("follows", on_difference=lambda difference: said.append(str(difference)))

    assert said[0] == f"rows of resource project:{project.pk}: expected 1, found 0"
    assert f"0 rows for the resource project:{project.pk}" in message.msg
    verify("follows", repair=True)
    assert uids(project) != before
    assert [one for one, _ in get_followers(project)] == [thoas]
    assert verify("follows", on_difference=print).wrong == 0


def test_a_resource_with_two_rows_is_named(thoas: User, project: Project) -> None:
    follow(thoas, project)
    key = {"identifier": "user", "object_id": str(thoas.pk)}
    with connection.schema_editor() as editor:
        unique = Resource._meta.constraints[0]
        editor.remove_constraint(Resource, unique)
    try:
        double = Resource.objects.create(**key)
        said: list[str] = []
        verify("follows", on_difference=lambda difference: said.append(str(difference)))
        assert said[0] == f"rows of resource user:{thoas.pk}: expected 1, found 2"
        double.delete()
    finally:
        with connection.schema_editor() as editor:
            editor.add_constraint(Resource, unique)
