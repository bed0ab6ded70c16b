"""The read model equals the log, whatever happened to the events in between."""

from collections import Counter
from itertools import chain, permutations
from random import Random
from typing import Any

from sequere.api import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
)
from sequere.backends.base import get_backend
from sequere.base import ResourceKey
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import recorded_events
from sequere.testing.contracts.base import Contract, at, follower_pages, key_of

#: More followers than a backend gives a projector at once.
MANY_FOLLOWERS = 1_100


class ReplaysContract(Contract):
    """Events that arrive twice, late or never; deletions; and rebuilds."""

    def tell_a_story(self) -> list[Any]:
        """Let everybody follow and unfollow everybody else at random; returns everybody."""
        everybody = [self.thoas, self.newbie, self.project, self.create_project()]
        pairs = list(permutations(everybody, 2)) * 5
        random = Random(1)  # noqa: S311  # any story is fine, if it is the same each time
        random.shuffle(pairs)
        for minute, (one, other) in enumerate(pairs):
            random.choice((follow, follow, unfollow))(one, other, timestamp=at(minute))
        return everybody

    def answers(self, everybody: list[Any]) -> list[Any]:
        """The answers to all questions about them."""
        kinds = (None, self.user_kind, self.project_kind)
        lists, counts = (
            (get_followers, get_followings, get_friends),
            (
                get_followers_count,
                get_followings_count,
                get_friends_count,
            ),
        )
        return [
            (
                is_following_many(one, everybody),
                [list(get(one, identifier=kind)) for get in lists for kind in kinds],
                [count(one, identifier=kind) for count in counts for kind in kinds],
                sorted(chain.from_iterable(follower_pages(get_backend(), one))),
            )
            for one in everybody
        ]

    def assert_it_is_what_the_log_says(self) -> None:
        self.assertEqual(self.differences("follows"), [])

    # Events

    def test_a_long_story_ends_as_it_was_told(self) -> None:
        with recorded_events() as events:
            everybody = self.tell_a_story()

        since: dict[Any, Any] = {}
        for event in events:
            since.pop((event.actor, event.target), None)
            if event.type == "followed":
                since[event.actor, event.target] = event.occurred_at
        keys = {key_of(one): one for one in everybody}
        for key, one in keys.items():
            followings = sorted(((time, to) for (from_, to), time in since.items() if from_ == key), reverse=True)
            followers = sorted(((time, from_) for (from_, to), time in since.items() if to == key), reverse=True)
            mutual = [(max(time, since[other, key]), other) for time, other in followings if (other, key) in since]
            self.assertEqual(
                [(to, time) for to, time in get_followings(one)], [(keys[to], at) for at, to in followings]
            )
            self.assertEqual(
                [(who, time) for who, time in get_followers(one)], [(keys[who], at) for at, who in followers]
            )
            self.assertEqual(list(get_friends(one)), [(keys[who], at) for at, who in sorted(mutual, reverse=True)])
            numbers = Counter(friend.identifier for _, friend in mutual)
            for kind in (self.user_kind, self.project_kind):
                self.assertEqual(get_friends_count(one, identifier=kind), numbers[kind])
        self.assert_it_is_what_the_log_says()

    def test_an_event_that_comes_twice_changes_nothing(self) -> None:
        with recorded_events() as events:
            everybody = self.tell_a_story()
        before = self.answers(everybody)

        self.apply_again(events)

        self.assertEqual(self.answers(everybody), before)
        self.assert_it_is_what_the_log_says()

    def test_an_event_that_comes_late_changes_nothing(self) -> None:
        """The projector is level-triggered: the log counts, not the event."""
        follow(self.newbie, self.thoas)
        with self.unheard():
            late = follow(self.thoas, self.newbie)
        unfollow(self.thoas, self.newbie)

        self.apply_again([late])

        self.assertFalse(is_following(self.thoas, self.newbie))
        self.assertEqual([get_friends_count(one) for one in (self.thoas, self.newbie)], [0, 0])
        self.assertEqual([get_followers_count(one) for one in (self.thoas, self.newbie)], [1, 0])
        self.assert_it_is_what_the_log_says()

    def test_events_that_come_together_end_as_the_log_does(self) -> None:
        with self.unheard():
            events = [
                follow(self.thoas, self.newbie, timestamp=at(1)),
                follow(self.newbie, self.thoas, timestamp=at(2)),
                unfollow(self.thoas, self.newbie),
                follow(self.thoas, self.newbie, timestamp=at(3)),
                follow(self.thoas, self.project),
                unfollow(self.thoas, self.project),
            ]

        self.apply_again(events)

        self.assertEqual(list(get_friends(self.thoas)), [(self.newbie, at(3))])
        self.assertEqual([get_followings_count(self.thoas), get_followers_count(self.project)], [1, 0])
        self.assert_it_is_what_the_log_says()

    def test_a_follow_that_began_anew_unheard_is_since_then(self) -> None:
        for make_good in (self.apply_again, lambda _: rebuild("follows")):
            with self.subTest(rebuilt=make_good != self.apply_again):
                one, other = self.create_users(2)
                follow(one, other, timestamp=at(1))
                follow(other, one, timestamp=at(2))
                with self.unheard():
                    late = [unfollow(one, other), follow(one, other, timestamp=at(3))]

                make_good(late)

                self.assertEqual(list(get_followings(one)), [(other, at(3))])
                self.assertEqual(list(get_friends(other)), [(one, at(3))])
                self.assertEqual((get_followers_count(other), get_friends_count(other)), (1, 1))
                self.assert_it_is_what_the_log_says()

    # Reads by projectors

    def test_a_projector_is_given_every_follower_once(self) -> None:
        fans = [ResourceKey(self.user_kind, str(number)) for number in range(10**6, 10**6 + MANY_FOLLOWERS)]
        follow_many((fan, self.project) for fan in fans)
        follow(self.thoas, self.project)
        follow(self.project, self.newbie)
        unfollow(fans[0], self.project)

        pages = follower_pages(get_backend(), self.project)

        self.assertGreater(len(pages), 1)
        self.assertCountEqual(chain.from_iterable(pages), map(str, [*fans[1:], key_of(self.thoas)]))
        self.assertEqual(follower_pages(get_backend(), self.thoas), [[]])

    # Deletions

    def test_a_deletion_ends_every_follow(self) -> None:
        for one, other in permutations((self.thoas, self.newbie, self.project), 2):
            follow(one, other)

        key = self.delete(self.thoas)

        self.assertEqual([one for one, _ in get_followers(self.newbie)], [self.project])
        self.assertEqual([one for one, _ in get_friends(self.project)], [self.newbie])
        for count in (get_followers_count, get_followings_count, get_friends_count):
            self.assertEqual([count(one) for one in (self.newbie, self.project, key)], [1, 1, 0])
        self.assert_it_is_what_the_log_says()

    def test_a_later_instance_with_the_same_key_inherits_nothing(self) -> None:
        """Neither in follows nor in counts."""
        follow(self.thoas, self.project)
        follow(self.project, self.thoas)

        again = self.create_again(self.project)

        self.assertFalse(is_following(self.thoas, again))
        self.assertEqual((list(get_followers(again)), list(get_friends(again))), ([], []))
        for count in (get_followers_count, get_followings_count, get_friends_count):
            self.assertEqual([count(one) for one in (self.thoas, again)], [0, 0])
        follow(self.thoas, again, timestamp=at(1))
        self.assertEqual((list(get_followers(again)), get_followers_count(again)), ([(self.thoas, at(1))], 1))

    # Rebuilds

    def test_an_empty_model_is_filled_from_the_log(self) -> None:
        everybody = self.tell_a_story()
        before = self.answers(everybody)
        get_backend().reset(self.using)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        self.assertEqual(self.answers(everybody), before)
        self.assert_it_is_what_the_log_says()

    def test_a_model_that_is_right_is_left_as_it_is(self) -> None:
        everybody = self.tell_a_story()
        before = self.answers(everybody)

        self.assertEqual(rebuild("follows").wrong, 0)

        self.assertEqual(self.answers(everybody), before)

    def test_an_event_that_was_lost_is_found_and_made_good(self) -> None:
        pairs = list(permutations(self.tell_a_story(), 2))
        before = {pair: is_following(*pair) for pair in pairs}
        with self.unheard():
            for pair in pairs:
                (unfollow if before[pair] else follow)(*pair, timestamp=at(1_000))

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        self.assert_it_is_what_the_log_says()
        self.assertEqual({pair: is_following(*pair) for pair in pairs}, {pair: not before[pair] for pair in pairs})

    def test_what_was_rolled_back_is_gone_after_a_rebuild(self) -> None:
        """A read model outside the database keeps it until then."""
        follow(self.newbie, self.thoas)
        with self.rolled_back():
            follow(self.thoas, self.newbie)
            follow(self.thoas, self.project)

        rebuild("follows")

        self.assertEqual(
            is_following_many(self.thoas, [self.newbie, self.project]), {self.newbie: False, self.project: False}
        )
        self.assertEqual([get_friends_count(self.newbie), get_followers_count(self.project)], [0, 0])
        self.assert_it_is_what_the_log_says()
