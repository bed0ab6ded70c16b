"""Rebuilding and verifying while others write."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.utils import timezone

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.contrib.timeline import Timeline
from sequere.log.locks import lock
from sequere.models import follow, follow_many, unfollow
from sequere.projections.registry import projections
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild, start, work
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from tests.factories import ProjectFactory, UserFactory
from tests.races.concurrently import concurrently, in_rounds, meanwhile
from tests.races.outcome import differences
from tests.read_models import empty_read_models
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db(transaction=True)


class Writer:
    """Does anything that a site does, with its own users and actions and with those of everybody."""

    def __init__(self, seed: int, everybody: list[User]) -> None:
        self._random = Random(seed)
        self._everybody = everybody
        self._saved: list[LikeAction] = []
        self._steps: list[Callable[[], Any]] = [
            *[self._follow] * 5,
            *[self._publish] * 3,
            *[self._unfollow] * 3,
            self._delete_action,
            self._mark_as_read,
            self._come_and_go,
        ]

    def __call__(self, _: int) -> None:
        self._random.choice(self._steps)()

    def _follow(self) -> None:
        follow(*self._random.sample(self._everybody, 2))

    def _unfollow(self) -> None:
        unfollow(*self._random.sample(self._everybody, 2))

    def _publish(self) -> None:
        actor, target = self._random.sample(self._everybody, 2)
        like = LikeAction(actor=actor, target=target)
        Timeline(actor).save(like)
        self._saved.append(like)

    def _delete_action(self) -> None:
        if self._saved:
            like = self._saved.pop()
            Timeline(like.actor).delete(like)

    def _mark_as_read(self) -> None:
        Timeline(self._random.choice(self._everybody)).mark_as_read()

    def _come_and_go(self) -> None:
        """A guest signs up, follows and is followed, publishes, and leaves."""
        guest = UserFactory(username=f"guest {self._random.getrandbits(64)}")
        friend = self._random.choice(self._everybody)
        follow(guest, friend)
        follow(friend, guest)
        Timeline(guest).save(JoinAction(actor=guest, target=friend))
        guest.delete()


class Vandal:
    """Damages the read models, one row at a time."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._kinds = [
            self._delete_one,
            self._forge_follow,
            self._forge_entry,
            lambda: self._change(RelationCount, incoming=models.F("incoming") + 3, mutual=7),
            lambda: self._change(LiveRelation, since=timezone.now() + timedelta(days=1), mutual_since=None),
            lambda: self._change(Entry, extra=self._reasons()),
            lambda: self._change(SavedAction, verb="forged", published_event_id=None),
            lambda: self._change(TimelineState, read_at=None),
        ]

    def __call__(self) -> None:
        self._random.choice(self._kinds)()

    def _one_of(self, model: type[models.Model]) -> models.QuerySet[Any]:
        keys = list(model._default_manager.values_list("pk", flat=True))
        return model._default_manager.filter(pk__in=keys and [self._random.choice(keys)])

    def _delete_one(self) -> None:
        model = self._random.choice([LiveRelation, RelationCount, Entry, SavedAction, TimelineState])
        self._one_of(model).delete()

    def _change(self, model: type[models.Model], **values: Any) -> None:
        self._one_of(model).update(**values)

    def _forge_follow(self) -> None:
        forged = LiveRelation(
            graph=1,
            from_kind=1,
            to_kind=1,
            from_uid=self._random.randrange(50, 100),
            to_uid=self._random.randrange(50),
            since=timezone.now(),
            event_id=0,
        )
        LiveRelation.objects.bulk_create([forged], ignore_conflicts=True)

    def _forge_entry(self) -> None:
        Entry.objects.create(
            feed=self._random.randrange(100),
            date=timezone.now(),
            action_id=self._random.getrandbits(40),
            extra=self._reasons(),
        )

    def _reasons(self) -> int | None:
        return self._random.choice([None, 1, 2, 3, 5, 6, 7])


def rebuild_all() -> None:
    for name in projections():
        rebuild(name)


def test_rebuilds_in_a_loop_do_not_disturb_writers():
    everybody = UserFactory.create_batch(6)

    with meanwhile(rebuild_all, rebuild_all):
        in_rounds(rounds(7, 2), *(Writer(seed, everybody) for seed in range(3)))

    assert differences() == []


@pytest.mark.database
@pytest.mark.parametrize("cap", [None, 4])
def test_a_rebuild_repairs_damage_done_during_writes_and_rebuilds(settings, cap):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = cap
    everybody = UserFactory.create_batch(6)

    with meanwhile(rebuild_all, Vandal(0)):
        in_rounds(rounds(7, 2), *(Writer(seed, everybody) for seed in range(3)))
    rebuild_all()

    assert differences() == []


@pytest.mark.parametrize("cap", [None, 4])
def test_a_verification_does_not_mistake_writes_for_differences(settings, cap):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = cap
    everybody = UserFactory.create_batch(6)
    found: list[str] = []

    with meanwhile(lambda: found.extend(differences())):
        in_rounds(rounds(7, 2), *(Writer(seed, everybody) for seed in range(3)))

    assert found == []


def test_two_rebuilds_of_emptied_read_models_share_the_work():
    thoas, *newbies = UserFactory.create_batch(30)
    project = ProjectFactory(name="La classe americaine")
    for newbie in newbies:
        follow(newbie, thoas)
    Timeline(thoas).save(LikeAction(actor=thoas, target=project))
    empty_read_models()

    in_rounds(1, lambda _: rebuild_all(), lambda _: rebuild_all())

    assert differences() == []
    assert thoas.get_followers_count() == thoas.get_followers().count() == len(newbies)
    assert [Timeline(one).get_private_count() for one in (thoas, *newbies)] == [1] * (1 + len(newbies))


@pytest.mark.database
@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite there is one writer")
def test_the_follows_of_a_celebrity_are_rebuilt_while_its_lock_is_held():
    thoas, *newbies = UserFactory.create_batch(30)
    follow_many((newbie, thoas) for newbie in newbies)
    empty_read_models()
    started = start("follows")

    def rebuild_follows() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
        for _ in ("rows of actors", "rows of targets", "suspensions", "follows"):
            work(started.pk, seconds=0.001)  # the only batch of this pass
        return LiveRelation.objects.count()

    with transaction.atomic():
        lock([registry.key_of(thoas)], "default")
        (rebuilt,) = concurrently(rebuild_follows)

    assert rebuilt == len(newbies)
