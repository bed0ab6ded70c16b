"""A deletion is recorded, the follows and counts of the instance go, and a later instance inherits nothing."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext

from sequere import ResourceKey, unregister
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.log.locks import Resource, lock
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.models import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends_count,
    is_following,
    unfollow,
)
from sequere.relations import deletions
from sequere.replay.verifying import verify
from sequere.signals import unfollowed
from tests.factories import BigProjectFactory, ProfileFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.races.outcome import differences
from tests.statements import CONTROL, at_most, exactly
from tests.testapp.models import FavouriteProject, Project, Stranger, User

pytestmark = pytest.mark.django_db


def key_of(instance: Any) -> ResourceKey:
    return ResourceKey(instance._meta.concrete_model._meta.model_name, str(instance.pk))


def said() -> list[tuple[str, str, dict[str, Any]]]:
    return [(event.type, str(event), event.metadata) for event in Event.objects.order_by("id")]


def test_a_deletion_is_recorded_with_its_cause() -> None:
    thoas, newbie, film = UserFactory(), UserFactory(), ProjectFactory()
    for one, other in [(thoas, newbie), (newbie, thoas), (thoas, film)]:
        follow(one, other)
    a, b, c = (str(key_of(one)) for one in (thoas, newbie, film))

    thoas.delete()

    cause = {"cause": "deleted"}
    assert said()[3:] == [
        ("unfollowed", f"{a} unfollowed {b}", cause),
        ("unfollowed", f"{a} unfollowed {c}", cause),
        ("unfollowed", f"{b} unfollowed {a}", cause),
        ("deleted", f"{a} deleted", {}),
    ]
    assert list(get_followings(newbie)) == list(get_followers(newbie)) == list(get_followers(film)) == []
    assert (get_friends_count(newbie), get_followers_count(newbie), get_followings_count(newbie)) == (0, 0, 0)


@pytest.mark.parametrize(
    "delete",
    [
        lambda film: film.delete(),
        lambda film: Project.objects.filter(pk=film.pk).delete(),
        lambda film: FavouriteProject.objects.get(pk=film.pk).delete(),
        lambda film: FavouriteProject.objects.all().delete(),
    ],
    ids=["instance", "queryset", "proxy", "queryset of a proxy"],
)
def test_every_way_to_delete_is_recorded(delete: Any) -> None:
    thoas, film = UserFactory(), ProjectFactory()
    follow(thoas, film)

    delete(film)

    assert [event[0] for event in said()] == ["followed", "unfollowed", "deleted"]
    assert get_followings_count(thoas) == 0
    assert differences() == []


def test_a_cascade_deletes_too() -> None:
    thoas, profile = UserFactory(), ProfileFactory()
    follow(thoas, profile)

    profile.user.delete()

    assert get_followings_count(thoas) == 0
    assert differences() == []


@pytest.mark.inline
def test_many_followers_do_not_cost_a_statement_each_and_their_keys_stay_in_the_database() -> None:
    """A bulk delete is not N+1."""
    film = ProjectFactory(pk=1)  # its key is not among those searched for
    follow_many((ResourceKey("user", str(number)), film) for number in range(1, 4501))

    with at_most(80), CaptureQueriesContext(connection) as captured:
        film.delete()

    locking = [query["sql"] for query in captured if 'INTO "sequere_resource"' in query["sql"]]
    assert locking
    assert "4500" not in locking[0]
    assert len(locking[0]) < 2000
    assert (
        LiveRelation.objects.count(),
        RelationCount.objects.filter(
            uid=Resource.objects.get(identifier="user", object_id="1").uid, outgoing=0
        ).count(),
    ) == (0, 1)
    assert verify("follows").wrong == 0


def test_what_is_missing_is_created_in_the_order_of_python() -> None:
    names = ["b", "a", "B", "é", "z", "Z", "10", "9", "1 0", "ä", "~", "\N{LATIN SMALL LETTER DOTLESS I}", "\N{EYES}"]
    keys = [ResourceKey(identifier, name) for identifier in ("user", "profile") for name in names]
    last = ResourceKey("project", "1")

    with transaction.atomic():
        lock([last], "default")
        lock(keys, "default")
        uids = lock([*keys, last], "default")

    assert sorted(uids, key=uids.__getitem__) == [last, *sorted(keys)]


@pytest.mark.inline
def test_deleting_many_together_costs_what_their_timelines_cost() -> None:
    """`tests.host.unittest_statements` shows that without timelines each costs nothing."""
    thoas = UserFactory()

    def cost(number: int) -> int:
        films = ProjectFactory.create_batch(number)
        follow_many((one, other) for film in films for one, other in ((thoas, film), (film, thoas)))
        follow_many((film, films[0]) for film in films[1:])
        with CaptureQueriesContext(connection) as captured:
            Project.objects.all().delete()
        return sum(not query["sql"].startswith(CONTROL) for query in captured)

    few, many = cost(3), cost(90)

    assert few < 60
    assert many - few <= (90 - 3) * 9
    assert (get_followings_count(thoas), get_followers_count(thoas)) == (0, 0)
    assert Event.objects.filter(type="deleted").count() == 93
    assert differences() == []


def test_more_instances_than_fit_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "INSTANCES_AT_ONCE", 2)
    thoas, films = UserFactory(), ProjectFactory.create_batch(5)
    follow_many([*((thoas, film) for film in films), *permutations(films, 2)])

    Project.objects.all().delete()

    assert Counter(event.type for event in Event.objects.all()) == {"followed": 25, "unfollowed": 25, "deleted": 5}
    assert differences() == []


def test_a_failed_deletion_is_forgotten() -> None:
    """The same queryset deletes other instances the next time."""
    thoas, kept, gone = UserFactory(), ProjectFactory(name="a"), ProjectFactory(name="a")
    follow_many([(thoas, kept), (thoas, gone)])
    films = Project.objects.filter(name="a")

    def refuse(instance: Project, **_: Any) -> None:
        if instance == gone:
            raise PermissionError

    pre_delete.connect(refuse, sender=Project)
    try:
        with pytest.raises(PermissionError), transaction.atomic():
            films.delete()
    finally:
        pre_delete.disconnect(refuse, sender=Project)
    Project.objects.filter(pk=kept.pk).update(name="b")
    other = ProjectFactory(name="a")
    follow(thoas, other)
    gone_key, other_key = key_of(gone), key_of(other)

    films.delete()

    assert is_following(thoas, kept)
    assert get_followings_count(thoas) == 1
    deleted = {event.actor for event in Event.objects.filter(type="deleted")}
    assert deleted == {gone_key, other_key}


def test_an_instance_unknown_to_the_log_costs_one_query() -> None:
    film = ProjectFactory()

    with exactly(3):  # Django deletes from two tables, and the locks are read once
        film.delete()


def test_an_unregistered_instance_costs_no_query() -> None:
    stranger = StrangerFactory()

    with exactly(1):
        stranger.delete()


def test_no_signal_is_sent(django_capture_on_commit_callbacks: Any) -> None:
    thoas, film = UserFactory(), ProjectFactory()
    follow(thoas, film)
    heard: list[Any] = []

    def receiver(**arguments: Any) -> None:
        heard.append(arguments)

    unfollowed.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            film.delete()
    finally:
        unfollowed.disconnect(receiver)

    assert heard == []


def test_deleting_everybody_at_once() -> None:
    follow_many(permutations(UserFactory.create_batch(4), 2))

    User.objects.all().delete()

    assert Event.objects.filter(type="deleted").count() == 4
    assert differences() == []


@pytest.mark.database
def test_a_deletion_leaves_nothing_behind() -> None:
    follow_many(permutations(UserFactory.create_batch(3), 2))

    User.objects.all().delete()

    assert (LiveRelation.objects.count(), RelationCount.objects.count()) == (0, 0)


def test_every_life_ends_once() -> None:
    """The second project 500 has its own follows and its own end."""
    thoas = UserFactory()

    for _ in range(2):
        film = ProjectFactory(pk=500)
        follow(thoas, film)
        film.delete()

    relation = [(event.type, event.version) for event in Event.objects.exclude(type="deleted").order_by("id")]
    ends = [event.version for event in Event.objects.filter(type="deleted").order_by("id")]
    assert relation == [("followed", 1), ("unfollowed", 2), ("followed", 3), ("unfollowed", 4)]
    assert ends == [1, 2]


def test_the_metadata_of_a_deletion_is_recorded() -> None:
    thoas, film = UserFactory(), ProjectFactory()
    follow(thoas, film)

    with event_metadata(who="cron"):
        film.delete()

    assert [metadata for _, _, metadata in said()[1:]] == [{"who": "cron", "cause": "deleted"}, {"who": "cron"}]


@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_is_rolled_back_changes_nothing() -> None:
    thoas, film = UserFactory(), ProjectFactory(pk=500)
    follow(thoas, film)

    with transaction.atomic():
        film.delete()
        transaction.set_rollback(True)

    again = Project.objects.get(pk=500)
    assert (is_following(thoas, again), get_followers_count(again), len(said())) == (True, 1, 1)


def test_the_parent_of_a_deleted_child_is_deleted() -> None:
    """A child with a table of its own is not registered; its parent is."""
    thoas, big = UserFactory(), BigProjectFactory()
    follow(thoas, big.project_ptr)

    big.delete()

    assert [event[0] for event in said()] == ["followed", "unfollowed", "deleted"]


def test_a_parent_that_is_kept_keeps_its_followers() -> None:
    thoas, big = UserFactory(), BigProjectFactory()
    follow(thoas, big.project_ptr)

    big.delete(keep_parents=True)

    assert is_following(thoas, Project.objects.get())


def test_an_unregistered_model_is_ignored(registered_stranger: type[Stranger]) -> None:
    thoas, stranger = UserFactory(), StrangerFactory()
    follow(thoas, stranger)
    unregister(Stranger)

    stranger.delete()

    assert [event[0] for event in said()] == ["followed"]


def test_an_ended_follow_is_not_ended_again() -> None:
    thoas, newbie, film = UserFactory(), UserFactory(), ProjectFactory()
    follow(thoas, film)
    unfollow(thoas, film)
    follow(newbie, film)

    film.delete()

    assert [event[0] for event in said()] == ["followed", "unfollowed", "followed", "unfollowed", "deleted"]
