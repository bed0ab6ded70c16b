"""Suspensions: who is out of sight, and comes back."""

from unittest.mock import patch

from django.db import models

from sequere.api import (
    accept,
    block,
    common_followers,
    counts_many,
    follow,
    get_blocked,
    get_followers,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    get_pending,
    get_pending_count,
    is_following,
    is_pending,
    is_suspended,
    move,
    mute,
    resume,
    suggest,
    suspend,
    unfollow,
)
from sequere.backends.base import get_backend
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.numbers import make_room
from sequere.registry import registry
from sequere.relations import pauses
from sequere.relations.appending import record_relations
from sequere.relations.intents import to_ask
from sequere.relations.key import Graph, RelationKey
from sequere.relations.types import REQUEST
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import assert_records, drain
from sequere.testing.contracts.base import Contract, at, follower_pages, key_of


class SuspensionsContract(Contract):
    """What is out of sight while a resource is suspended, and what comes back."""

    def record_request(self, one: models.Model, other: models.Model) -> None:
        graph = Graph(REQUEST)
        make_room(*graph.name, self.using)
        record_relations(to_ask(), [(RelationKey(key_of(one), key_of(other), graph), None)])

    def test_what_is_suspended_is_out_of_sight_and_comes_back_in_its_place(self) -> None:
        other = self.create_user()
        for minute, (one, followed) in enumerate(
            ((self.thoas, self.newbie), (self.newbie, self.thoas), (self.thoas, self.project), (other, self.newbie))
        ):
            follow(one, followed, timestamp=at(minute))
        follow(self.newbie, self.project, scope="watch", timestamp=at(5))

        with assert_records(("suspended", self.newbie)):
            event = suspend(self.newbie)
            self.assertIsNone(suspend(self.newbie))

        self.assertEqual([event and event.type, event and event.subject], ["suspended", key_of(self.newbie)])
        self.assertTrue(is_suspended(self.newbie) and not is_suspended(self.thoas))
        self.assertFalse(is_following(self.thoas, self.newbie) or is_following(self.newbie, self.thoas))
        self.assertEqual(list(get_followings(self.thoas)), [(self.project, at(2))])
        lists = (get_followers(self.newbie), get_followings(self.newbie), get_friends(self.thoas))
        self.assertEqual([list(one) for one in lists], [[], [], []])
        self.assertEqual(list(get_followers(self.project, scope="watch")), [])
        self.assertEqual(counts_many([self.thoas, self.newbie])[self.thoas], (0, 1, 0))
        self.assertEqual((get_followers_count(self.newbie), get_friends_count(self.thoas)), (0, 0))
        self.assertEqual(follower_pages(get_backend(), self.newbie), [[]])
        self.assertEqual(self.differences("follows"), [])

        with assert_records(("resumed", self.newbie)):
            resume(self.newbie)
            self.assertIsNone(resume(self.newbie))

        self.assertEqual(list(get_followings(self.thoas)), [(self.project, at(2)), (self.newbie, at(0))])
        self.assertEqual(list(get_followers(self.newbie)), [(other, at(3)), (self.thoas, at(0))])
        self.assertEqual(list(get_friends(self.thoas)), [(self.newbie, at(1))])
        self.assertEqual(list(get_followers(self.project, scope="watch")), [(self.newbie, at(5))])
        self.assertEqual(counts_many([self.thoas, self.newbie])[self.thoas], (1, 2, 1))
        self.assertEqual(self.differences("follows"), [])

    def test_verbs_do_not_ask_who_is_suspended(self) -> None:
        first, second, third = self.create_users(3)
        follow(first, self.newbie)
        self.record_request(second, self.newbie)
        self.record_request(third, self.newbie)
        suspend(self.newbie)
        self.assertEqual((get_pending_count(self.newbie), is_pending(second, self.newbie)), (0, False))

        with assert_records(
            ("unfollowed", first, self.newbie),
            ("followed", second, self.newbie),
            ("request_closed", second, self.newbie),
            ("followed", self.newbie, self.thoas),
            ("muted", first, self.newbie),
            ("blocked", self.thoas, third),
        ):
            unfollow(first, self.newbie)
            accept(self.newbie, second)
            follow(self.newbie, self.thoas)
            mute(first, self.newbie)
            block(self.thoas, third)

        self.assertEqual((get_followers_count(self.newbie), get_followers_count(self.thoas)), (0, 0))
        self.assertEqual(self.differences("follows"), [])
        resume(self.newbie)
        self.assertEqual([one for one, _ in get_followers(self.newbie)], [second])
        self.assertEqual([one for one, _ in get_followers(self.thoas)], [self.newbie])
        self.assertEqual([one for one, _ in get_pending(self.newbie)], [third])
        self.assertEqual(self.differences("follows"), [])

    def test_a_block_stays_in_force(self) -> None:
        block(self.newbie, self.thoas)
        suspend(self.newbie)

        self.assertEqual([one for one, _ in get_blocked(self.newbie)], [self.thoas])
        self.assertEqual(self.differences("follows"), [])

    def test_a_relation_between_two_waits_for_both(self) -> None:
        follow(self.thoas, self.newbie)
        for one in (self.thoas, self.newbie):
            suspend(one)

        resume(self.thoas)
        self.assertEqual((is_following(self.thoas, self.newbie), get_followers_count(self.newbie)), (False, 0))
        resume(self.newbie)

        self.assertEqual((is_following(self.thoas, self.newbie), get_followers_count(self.newbie)), (True, 1))
        self.assertEqual(self.differences("follows"), [])

    def test_nobody_suspended_is_suggested_or_common(self) -> None:
        one, other = self.create_users(2)
        for pair in ((self.thoas, self.newbie), (self.newbie, one), (self.newbie, other), (self.thoas, self.project)):
            follow(*pair)
        follow(self.newbie, self.project)

        suspend(other)
        self.assertEqual([suggestion.instance for suggestion in suggest(self.thoas)], [one])
        suspend(self.newbie)

        self.assertEqual(list(suggest(self.thoas)), [])
        self.assertEqual(list(common_followers(self.project, one)), [])

    def test_relations_in_steps(self) -> None:
        others = self.create_users(5)
        for one in others:
            follow(one, self.newbie)
            follow(self.newbie, one)

        with patch.object(pauses, "RELATIONS_PER_PAUSE", 3):
            suspend(self.newbie)
            drain()
            self.assertEqual((get_followers_count(self.newbie), get_followers_count(others[-1])), (0, 0))
            self.assertEqual(self.differences("follows"), [])
            resume(self.newbie)
            suspend(self.newbie)
            resume(self.newbie)
            drain()

        self.assertEqual([one for one, _ in get_followers(self.newbie)], others[::-1])
        self.assertEqual(counts_many([self.newbie])[self.newbie], (5, 5, 5))
        self.assertEqual(self.differences("follows"), [])

    def test_a_deletion_ends_a_suspension(self) -> None:
        follow(self.thoas, self.newbie)
        suspend(self.newbie)
        gone = key_of(self.newbie)

        with assert_records(
            ("unfollowed", self.thoas, gone), ("resumed", gone, {"cause": "deleted"}), ("deleted", gone)
        ):
            again = self.create_again(self.newbie)
        follow(self.thoas, again)

        self.assertEqual((is_suspended(again), is_following(self.thoas, again)), (False, True))
        self.assertEqual(self.differences("follows"), [])

    def test_a_move_of_what_is_suspended(self) -> None:
        new = self.create_user()
        follow(self.thoas, self.newbie, timestamp=at(1))
        suspend(self.newbie)

        move(self.newbie, new)

        self.assertEqual(list(get_followers(new)), [(self.thoas, at(1))])
        self.assertEqual(self.differences("follows"), [])

    def test_who_was_suspended_some_time_ago(self) -> None:
        followed = follow(self.thoas, self.newbie)
        suspended = suspend(self.newbie)
        resumed = resume(self.newbie)
        suspend(self.thoas)

        moments = [followed, suspended, resumed]
        self.assertEqual([is_suspended(self.newbie, as_of=event) for event in moments], [False, True, False])
        answers = [is_following(self.thoas, self.newbie, as_of=event) for event in moments]
        lists = [[one for one, _ in get_followers(self.newbie, as_of=event)] for event in moments]
        self.assertEqual((answers, lists), ([True, False, True], [[self.thoas], [], [self.thoas]]))

    def test_suspensions_are_rebuilt(self) -> None:
        for pair in ((self.thoas, self.newbie), (self.newbie, self.project), (self.thoas, self.project)):
            follow(*pair)
        suspend(self.newbie)
        get_backend().reset(self.using)

        rebuild("follows")

        self.assertEqual([one for one, _ in get_followings(self.thoas)], [self.project])
        self.assertEqual((get_followers_count(self.project), get_followers_count(self.newbie)), (1, 0))
        self.assertEqual(self.differences("follows"), [])

    def test_a_row_that_does_not_say_what_the_log_says_is_repaired(self) -> None:
        follow(self.thoas, self.newbie)
        suspend(self.newbie)
        rows = Resource.objects.using(self.using)
        for one, is_wrong in ((self.newbie, False), (self.thoas, True)):
            rows.filter(**key_of(one)._asdict()).update(is_suspended=is_wrong)

        found = self.differences("follows")
        rebuild("follows")

        wanted = [(key_of(self.thoas), "no", "yes"), (key_of(self.newbie), "yes", "no")]
        said = [f"whether resource {key} is suspended: expected {one}, found {other}" for key, one, other in wanted]
        self.assertLessEqual({*said}, {*found})
        self.assertEqual((is_suspended(self.newbie), is_suspended(self.thoas)), (True, False))
        self.assertEqual((self.differences("follows"), is_following(self.thoas, self.newbie)), ([], False))

    def test_a_suspension_that_no_projection_has_heard_of_is_a_difference(self) -> None:
        follow(self.thoas, self.newbie)
        with self.unheard():
            suspend(self.newbie)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")
        self.assertFalse(is_following(self.thoas, self.newbie))
        event = Event.objects.of_type("suspended").get()
        for _ in range(2):
            self.apply_again([event])

        self.assertEqual((get_followers_count(self.newbie), self.differences("follows")), (0, []))
        self.assertEqual(registry.key_of(self.newbie), event.subject)
