"""Publishing, following, unfollowing and deleting around the same actors, at once."""

from datetime import UTC, datetime
from random import Random

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow, is_following, unfollow
from tests.factories import ProjectFactory, UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db(transaction=True)


class Publisher:
    """Publishes actions of an actor, and deletes some of them later."""

    def __init__(self, actor: User, seed: int = 0) -> None:
        self.actor = actor
        self.live: list[JoinAction] = []
        self._random = Random(seed)

    def publish(self, _: int) -> None:
        action = JoinAction(actor=self.actor)
        Timeline(self.actor).save(action)
        self.live.append(action)

    def delete(self, _: int) -> None:
        if self.live:
            action = self.live.pop(self._random.randrange(len(self.live)))
            Timeline(self.actor).delete(action)

    def uids(self) -> set[str | None]:
        return {action.uid for action in self.live}


def any_of(users: list[User], seed: int, change, *actors: User):
    """A function that lets one of the users follow, or unfollow, one of the actors."""
    random = Random(seed)
    return lambda _: change(random.choice(users), random.choice(actors))


def uids_seen_by(user: User) -> set[str | None]:
    return {action.uid for action in Timeline(user).get_private()}


def test_follow_publish_unfollow_and_delete_at_once_leave_the_right_entries():
    thoas, *newbies = UserFactory.create_batch(6)
    publisher = Publisher(thoas)

    in_rounds(
        rounds(50, 4),
        any_of(newbies, 1, follow, thoas),
        any_of(newbies, 2, unfollow, thoas),
        publisher.publish,
        publisher.delete,
    )

    for newbie in newbies:
        assert uids_seen_by(newbie) == (publisher.uids() if is_following(newbie, thoas) else set())
    assert uids_seen_by(thoas) == publisher.uids()
    assert differences() == []


@pytest.mark.parametrize(("imports", "removes"), [(True, False), (False, True), (False, False)])
def test_the_log_decides_the_reasons_of_an_entry_in_every_race(settings, imports, removes):
    settings.SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW = imports
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = removes
    thoas, *newbies = UserFactory.create_batch(4)
    publisher = Publisher(thoas)

    in_rounds(
        rounds(10, 2),
        any_of(newbies, 1, follow, thoas),
        any_of(newbies, 2, unfollow, thoas),
        publisher.publish,
        publisher.delete,
    )

    assert differences() == []


def test_actors_who_follow_each_other_publish_at_once(settings):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = None  # `make faults` publishes more than Redis keeps
    everybody = UserFactory.create_batch(4)
    publishers = [Publisher(user) for user in everybody]

    in_rounds(
        rounds(10, 2),
        *(publisher.publish for publisher in publishers),
        any_of(everybody[:2], 1, follow, *everybody[2:]),
        any_of(everybody[2:], 2, follow, *everybody[:2]),
        any_of(everybody[2:], 3, unfollow, *everybody[:2]),
    )

    for user in everybody:
        seen = [one.uids() for one in publishers if one.actor == user or is_following(user, one.actor)]
        assert uids_seen_by(user) == set().union(*seen)
    assert differences() == []


def test_an_action_saved_and_deleted_by_several_threads_is_stored_once_or_not_at_all():
    thoas, newbie, friend = UserFactory.create_batch(3)
    follow(newbie, thoas)
    like = LikeAction(actor=thoas, target=ProjectFactory(name="La classe americaine"))
    Timeline(thoas).save(like)

    in_rounds(
        rounds(14, 3),
        lambda _: Timeline(thoas).save(like),
        lambda _: Timeline(friend).save(like),
        lambda _: Timeline(thoas).delete(like),
    )

    assert Timeline(thoas).get_public_count() == Timeline(newbie).get_private_count() <= 1
    assert differences() == []


def test_a_timeline_marked_as_read_several_times_at_once_keeps_the_latest_mark():
    timeline = Timeline(UserFactory(username="newbie"))

    in_rounds(
        30,
        lambda n: timeline.mark_as_read(3 * n),
        lambda n: timeline.mark_as_read(3 * n + 1),
        lambda n: timeline.mark_as_read(3 * n + 2),
    )

    assert timeline.read_at == datetime.fromtimestamp(3 * 29 + 2, UTC)
    assert differences() == []


def test_capped_timelines_of_the_followers_of_two_celebrities_stay_right(settings):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 8
    thoas, friend, *newbies = UserFactory.create_batch(8)
    first, second = Publisher(thoas), Publisher(friend, seed=1)
    for newbie in newbies:
        follow(newbie, thoas)
        follow(newbie, friend)

    in_rounds(
        rounds(10, 2),
        first.publish,
        second.publish,
        first.delete,
        any_of(newbies, 1, unfollow, thoas, friend),
        any_of(newbies, 2, follow, thoas, friend),
    )

    assert differences() == []
    assert any(Timeline(newbie).get_private_count() for newbie in (thoas, friend, *newbies))
