"""Deleting instances while others follow them, publish about them, or are deleted with them."""

from copy import copy

import pytest
from django.db import transaction

from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import follow, follow_many, get_followings_count, unfollow, unfollow_many
from sequere.registry import registry
from sequere.relations.intents import DELETED
from sequere.relations.types import UNFOLLOWED
from tests.factories import ProjectFactory, UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db(transaction=True)


def users(number: int) -> list[User]:
    return User.objects.bulk_create(UserFactory.build_batch(number))


def test_a_deletion_while_others_follow_and_publish_keeps_to_the_log():
    number = rounds(6, 2)
    victims, newbies = users(number), users(5)
    keys = [registry.key_of(victim) for victim in victims]
    follow_many((newbie, key) for key in keys for newbie in newbies[:3])
    copies = [copy(victim) for victim in victims]

    in_rounds(
        number,
        lambda n: victims[n].delete(),
        lambda n: follow(newbies[3], keys[n]),
        lambda n: follow(keys[n], newbies[0]),
        lambda n: unfollow(newbies[1], keys[n]),
        lambda n: Timeline(keys[n]).save(JoinAction(actor=copies[n])),
        lambda n: Timeline(newbies[0]).save(LikeAction(actor=newbies[0], target=copies[n])),
    )

    assert Event.objects.filter(type=DELETED).count() == number
    assert differences() == []


def test_two_friends_deleted_at_once_leave_nothing_behind():
    number = rounds(6, 2)
    thoas, newbies = users(number), users(number)
    follow_many([*zip(thoas, newbies, strict=True), *zip(newbies, thoas, strict=True)])

    in_rounds(number, lambda n: thoas[n].delete(), lambda n: newbies[n].delete())

    assert Event.objects.filter(type=UNFOLLOWED).count() == 2 * number
    assert differences() == []


def test_followers_and_followed_deleted_at_once_are_unfollowed_once_each():
    number = rounds(4, 2)
    thoas, followers = users(number), [users(4) for _ in range(number)]
    follow_many((follower, thoas[n]) for n in range(number) for follower in followers[n])

    in_rounds(
        number,
        lambda n: thoas[n].delete(),
        *(lambda n, position=position: followers[n][position].delete() for position in range(3)),
    )

    assert Event.objects.filter(type=UNFOLLOWED).count() == 4 * number
    assert [get_followings_count(group[3]) for group in followers] == [0] * number
    assert differences() == []


def test_the_target_and_the_actor_of_actions_deleted_at_once():
    number = rounds(5, 2)
    thoas, newbies = users(number), users(number)
    projects = Project.objects.bulk_create(ProjectFactory.build_batch(number))
    follow_many(zip(newbies, thoas, strict=True))
    for actor, project in zip(thoas, projects, strict=True):
        for _ in range(3):
            Timeline(actor).save(LikeAction(actor=actor, target=project))
    likes = [LikeAction(newbie, copy(project)) for newbie, project in zip(newbies, projects, strict=True)]

    in_rounds(
        number,
        lambda n: thoas[n].delete(),
        lambda n: projects[n].delete(),
        lambda n: Timeline(newbies[n]).save(likes[n]),
    )

    seen = [action for newbie in newbies for action in Timeline(newbie).get_private()]
    assert [(action.uid, action.target) for action in seen] == [(like.uid, None) for like in likes]
    assert differences() == []


def test_actors_who_like_each_other_deleted_at_once():
    number = rounds(5, 2)
    thoas, newbies = users(number), users(number)
    for one, other in zip(thoas, newbies, strict=True):
        for _ in range(2):
            Timeline(one).save(LikeAction(actor=one, target=other))
            Timeline(other).save(LikeAction(actor=other, target=one))

    in_rounds(number, lambda n: thoas[n].delete(), lambda n: newbies[n].delete())

    assert differences() == []


def test_actors_with_actions_in_each_others_timelines_deleted_at_once():
    number = rounds(5, 2)
    thoas, newbies = users(number), users(number)
    for one, other in zip(thoas, newbies, strict=True):
        for _ in range(2):
            Timeline(other).save(JoinAction(actor=one))
            Timeline(one).save(JoinAction(actor=other))

    in_rounds(number, lambda n: thoas[n].delete(), lambda n: newbies[n].delete())

    assert differences() == []


def test_former_friends_who_kept_each_others_actions_deleted_at_once(settings):
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = False
    number = rounds(5, 2)
    thoas, newbies = users(number), users(number)
    pairs = [*zip(thoas, newbies, strict=True), *zip(newbies, thoas, strict=True)]
    follow_many(pairs)
    for actor, _ in pairs:
        Timeline(actor).save(JoinAction(actor=actor))
    unfollow_many(pairs)

    in_rounds(number, lambda n: thoas[n].delete(), lambda n: newbies[n].delete())

    assert differences() == []


def test_a_queryset_shared_by_threads_loses_no_deletion():
    (thoas,) = users(1)
    films = Project.objects.all()

    def come_and_go(_: int) -> None:
        with transaction.atomic():
            follow_many((thoas, film) for film in ProjectFactory.create_batch(3))
        films.delete()

    in_rounds(rounds(9, 3), *[come_and_go] * 3)

    assert not films.exists()
    assert get_followings_count(thoas) == 0
    assert differences() == []
