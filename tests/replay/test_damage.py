"""Every kind of damage to the read models is found, and repaired from the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import models, transaction
from django.utils import timezone

from sequere import ResourceKey
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.contrib.timeline import Timeline
from sequere.log.locks import Resource, lock
from sequere.models import follow, unfollow
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from tests.commands import run
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db

READ_MODELS = (LiveRelation, RelationCount, Entry, SavedAction, TimelineState)
NOW = timezone.now()
#: The id of no user; any other may belong to a user in the site, whose rows exist.
NOBODY = "0"
NOBODYS_UID = 10**9


class Site:
    """thoas and newbie are friends, and fan follows thoas, who has joined, and likes a film that is gone."""

    def __init__(self) -> None:
        self.thoas = UserFactory(username="thoas")
        self.newbie = UserFactory(username="newbie")
        self.fan = UserFactory(username="fan")
        film = ProjectFactory(name="La classe americaine")
        for one, other in [
            (self.thoas, self.newbie),
            (self.newbie, self.thoas),
            (self.fan, self.thoas),
            (self.fan, film),
        ]:
            follow(one, other)
        self.joined = JoinAction(actor=self.thoas)
        self.liked = LikeAction(actor=self.thoas, target=film, stars=5)
        Timeline(self.thoas).save(self.joined)
        Timeline(self.thoas).save(self.liked)
        self.told = JoinAction(actor=self.newbie)
        Timeline(self.fan).save(self.told)
        Timeline(self.fan).mark_as_read(1_000_000_000)
        film.delete()

    def answers(self) -> list[Any]:
        users = [self.thoas, self.newbie, self.fan]
        return [
            (
                list(user.get_followers()),
                list(user.get_friends()),
                user.get_followings_count(),
                user.get_friends_count(identifier="user"),
                [(action.uid, action.date, action.reasons, action.target_deleted) for action in private],
                Timeline(user).get_public_count(),
                Timeline(user).read_at,
                Timeline(user).get_unread_count(),
            )
            for user in users
            for private in [Timeline(user).get_private()]
        ]


@pytest.fixture
def site() -> Site:
    return Site()


def key_of(user: Any) -> ResourceKey:
    return ResourceKey("user", str(user.pk))


def uid_of(user: Any) -> int:
    return Resource.objects.get(identifier="user", object_id=str(user.pk)).uid


def edge(site: Site) -> models.QuerySet[LiveRelation]:
    return LiveRelation.objects.filter(from_uid=uid_of(site.fan), to_uid=uid_of(site.thoas))


def action(site: Site, which: str = "joined") -> models.QuerySet[SavedAction]:
    return SavedAction.objects.filter(uid=getattr(site, which).uid)


def entry(site: Site, which: str = "joined", owner: str = "fan") -> models.QuerySet[Entry]:
    return Entry.objects.filter(action_id=action(site, which).get().pk, feed=uid_of(getattr(site, owner)))


def orphaned_follow(from_uid: int, to_uid: int) -> None:
    known = LiveRelation.objects.all()[0]
    LiveRelation.objects.create(
        graph=known.graph,
        from_kind=known.from_kind,
        to_kind=known.to_kind,
        from_uid=from_uid,
        to_uid=to_uid,
        since=NOW,
        event_id=1,
    )


def unfollow_that_is_not_applied(site: Site) -> None:
    """The follow is over in the log, and the read model does not know."""
    row = edge(site).get()
    counts = list(RelationCount.objects.all())
    entries = list(Entry.objects.all())
    unfollow(site.fan, site.thoas)
    LiveRelation.objects.bulk_create([row])
    RelationCount.objects.all().delete()
    RelationCount.objects.bulk_create(counts)
    Entry.objects.all().delete()
    Entry.objects.bulk_create(entries)


def orphaned_action(site: Site) -> None:
    saved = action(site).get()
    saved.pk, saved.uid = 10**9, uuid4()
    saved.save(force_insert=True)


def orphaned_entry(site: Site, **values: Any) -> None:
    Entry.objects.create(**{"feed": uid_of(site.newbie), "date": NOW, **values})


def place_of(site: Site, which: str) -> dict[str, Any]:
    """Where entries of an action stand in a feed."""
    saved = action(site, which).get()
    return {"action_id": saved.pk, "date": saved.date}


def orphaned_mark(site: Site) -> None:
    TimelineState.objects.create(feed=uid_of(site.thoas), read_at=NOW)


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that is rolled back: the damage is there again."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def empty(site: Site) -> None:
    for model in READ_MODELS:
        model._default_manager.all().delete()


LATER = NOW + timedelta(days=1)
DAMAGES: dict[str, Callable[[Site], Any]] = {
    "a follow is missing": lambda site: edge(site).delete(),
    "a follow has another time": lambda site: edge(site).update(since=LATER),
    "a follow has another event": lambda site: edge(site).update(event_id=10**9),
    "a follow is somebody else's": lambda site: edge(site).update(from_uid=NOBODYS_UID),
    "a follow is a friendship": lambda site: edge(site).update(mutual_since=NOW),
    "a friendship is none": lambda site: LiveRelation.objects.update(mutual_since=None),
    "a follow has another kind": lambda site: edge(site).update(to_kind=10_000),
    "a follow that never was": lambda site: orphaned_follow(uid_of(site.thoas), uid_of(site.fan)),
    "a follow of a resource that never was": lambda site: orphaned_follow(uid_of(site.fan), NOBODYS_UID),
    "a follow by a resource that never was": lambda site: orphaned_follow(NOBODYS_UID, uid_of(site.fan)),
    "a follow that is over": unfollow_that_is_not_applied,
    "a count is too large": lambda site: RelationCount.objects.update(incoming=models.F("incoming") + 1),
    "a count is negative": lambda site: RelationCount.objects.update(mutual=-1),
    "a count is missing": lambda site: RelationCount.objects.all().delete(),
    "a count of nobody": lambda site: RelationCount.objects.create(
        graph=LiveRelation.objects.all()[0].graph, uid=NOBODYS_UID, kind=1, incoming=1
    ),
    "the row of a resource is missing": lambda site: Resource.objects.filter(uid=uid_of(site.thoas)).delete(),
    "an action is missing": lambda site: action(site).delete(),
    "an action has another verb": lambda site: action(site).update(verb="leave"),
    "an action has other keyword arguments": lambda site: action(site, "liked").update(kwargs={}),
    "an action is not published": lambda site: action(site).update(published_event_id=None),
    "an action is published that is not": lambda site: action(site, "told").update(published_event_id=1),
    "an action has its target again": lambda site: action(site, "liked").update(target_deleted=False),
    "an action that never was": orphaned_action,
    "an entry is missing": lambda site: entry(site).delete(),
    "an own entry is missing": lambda site: entry(site, owner="thoas").delete(),
    "a direct entry is missing": lambda site: entry(site, "told").delete(),
    "an entry has another date": lambda site: entry(site).update(date=LATER),
    "an own entry has another date": lambda site: entry(site, owner="thoas").update(date=LATER),
    "an entry has one more reason": lambda site: entry(site).update(extra=4 | 2 | 1),
    "an entry has another reason": lambda site: entry(site).update(extra=1),
    "an entry of no action": lambda site: orphaned_entry(site, action_id=10**9),
    "an entry of an unpublished action": lambda site: orphaned_entry(site, **place_of(site, "told")),
    "an entry of no follower": lambda site: orphaned_entry(
        site, **place_of(site, "joined"), feed=lock([ResourceKey("user", NOBODY)], "default").popitem()[1]
    ),
    "an entry of nobody": lambda site: orphaned_entry(site, **place_of(site, "joined"), feed=NOBODYS_UID),
    "an own entry of nobody": lambda site: orphaned_entry(site, **place_of(site, "joined"), feed=NOBODYS_UID, extra=1),
    "an own entry of another date": lambda site: orphaned_entry(site, action_id=action(site).get().pk, extra=1),
    "a read mark is missing": lambda site: TimelineState.objects.all().delete(),
    "a read mark has another time": lambda site: TimelineState.objects.update(read_at=LATER),
    "a read mark that never was": orphaned_mark,
    "a read mark of nobody": lambda site: TimelineState.objects.create(feed=NOBODYS_UID, read_at=NOW),
    "everything is gone": empty,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_reported_with_its_place_and_repaired_either_way(site: Site, damage: Callable[[Site], Any]) -> None:
    before = site.answers()
    damage(site)

    status, said = run("verify_projections")

    assert status == 1
    assert "expected" in said
    assert "found" in said
    for repair in (partial(run, "rebuild_projections"), partial(run, "verify_projections", repair=True)):
        with undone():
            assert repair()[0] == 0
            if damage is unfollow_that_is_not_applied:
                follow(site.fan, site.thoas, timestamp=before[0][0][0][1])  # as before
            assert site.answers() == before
            assert run("verify_projections")[0] == 0


def test_verify_changes_nothing(site: Site) -> None:
    entry(site).delete()
    edge(site).delete()
    before = [list(model._default_manager.order_by("pk").values()) for model in READ_MODELS]

    run("verify_projections")

    assert [list(model._default_manager.order_by("pk").values()) for model in READ_MODELS] == before
