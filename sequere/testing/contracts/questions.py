"""Questions about single follows, and counts."""

from sequere.api import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
    unfollow_many,
)
from sequere.base import ResourceKey
from sequere.testing import assert_records
from sequere.testing.contracts.base import Contract, at, key_of


class QuestionsContract(Contract):
    """Single follows, counts, and the kinds of resources."""

    def test_a_follow_is_seen_at_once(self) -> None:
        follow(self.thoas, self.project, timestamp=at(1))

        self.assertTrue(is_following(self.thoas, self.project))
        self.assertEqual(list(get_followers(self.project)), [(self.thoas, at(1))])
        self.assertEqual(list(get_followings(self.thoas)), [(self.project, at(1))])
        self.assertEqual((get_followers_count(self.project), get_followings_count(self.thoas)), (1, 1))

    def test_a_follow_goes_one_way(self) -> None:
        follow(self.newbie, self.thoas)

        self.assertFalse(is_following(self.thoas, self.newbie))
        self.assertEqual((get_followers_count(self.newbie), get_followings_count(self.thoas)), (0, 0))

    def test_nobody_knows_what_the_log_has_never_heard_of(self) -> None:
        self.assertFalse(is_following(self.thoas, self.project))
        self.assertEqual((list(get_followers(self.project)), list(get_followings(self.thoas))), ([], []))
        self.assertEqual([get_followers_count(self.project), get_friends_count(self.thoas)], [0, 0])

    def test_one_question_about_many(self) -> None:
        follow(self.thoas, self.newbie)
        follow(self.thoas, self.project)
        follow(self.project, self.thoas)
        stranger = self.create_user()

        answer = is_following_many(self.thoas, [self.newbie, self.project, stranger, self.thoas])

        self.assertEqual(answer, {self.newbie: True, self.project: True, stranger: False, self.thoas: False})
        self.assertEqual(is_following_many(self.thoas, []), {})
        self.assertEqual(is_following_many(stranger, [self.thoas]), {self.thoas: False})

    def test_a_second_follow_changes_nothing(self) -> None:
        """No event is recorded, and the time of the first follow is kept."""
        follow(self.thoas, self.project, timestamp=at(1))

        with assert_records():
            event = follow(self.thoas, self.project, timestamp=at(2))

        self.assertIsNone(event)
        self.assertEqual(list(get_followers(self.project)), [(self.thoas, at(1))])
        self.assertEqual(get_followers_count(self.project), 1)

    def test_an_unfollow_ends_it(self) -> None:
        follow(self.thoas, self.project)

        unfollow(self.thoas, self.project)

        self.assertFalse(is_following(self.thoas, self.project))
        self.assertEqual((list(get_followers(self.project)), list(get_followings(self.thoas))), ([], []))
        self.assertEqual((get_followers_count(self.project), get_followings_count(self.thoas)), (0, 0))

    def test_an_unfollow_of_nothing_changes_nothing(self) -> None:
        follow(self.thoas, self.project)
        unfollow(self.thoas, self.project)

        with assert_records():
            event = unfollow(self.thoas, self.project)

        self.assertIsNone(event)
        self.assertEqual((get_followers_count(self.project), get_followings_count(self.thoas)), (0, 0))

    def test_who_follows_again_follows_since_then(self) -> None:
        follow(self.thoas, self.project, timestamp=at(1))
        unfollow(self.thoas, self.project, timestamp=at(2))

        with assert_records(("followed", self.thoas, self.project)):
            follow(self.thoas, self.project, timestamp=at(3))

        self.assertEqual(list(get_followers(self.project)), [(self.thoas, at(3))])
        self.assertEqual(get_followers_count(self.project), 1)

    def test_the_last_word_counts_and_not_the_clock(self) -> None:
        """Also if the calls come within one second, or with times in another order."""
        follow(self.thoas, self.project, timestamp=at(3))
        unfollow(self.thoas, self.project, timestamp=at(3))
        follow(self.thoas, self.project, timestamp=at(3))
        unfollow(self.thoas, self.project, timestamp=at(2))

        follow(self.thoas, self.project, timestamp=at(1))

        self.assertTrue(is_following(self.thoas, self.project))
        self.assertEqual(list(get_followers(self.project)), [(self.thoas, at(1))])

    def test_times_come_back_to_the_microsecond(self) -> None:
        """Also old times, and times before 1970."""
        times = [at(0).replace(microsecond=612067), at(0).replace(year=1970, month=1, day=1), at(0).replace(year=1969)]
        users = self.create_users(3)

        for user, time in zip(users, times, strict=True):
            follow(user, self.project, timestamp=time)

        self.assertEqual(list(get_followers(self.project)), list(zip(users, times, strict=True)))

    def test_the_same_primary_key_is_not_the_same_resource(self) -> None:
        """Instances of two models with one primary key are different resources."""
        namesake = ResourceKey(self.project_kind, key_of(self.newbie).object_id)

        follow(self.thoas, self.newbie)
        follow(namesake, self.thoas)

        self.assertFalse(is_following(self.thoas, namesake))
        self.assertFalse(is_following(self.newbie, self.thoas))
        self.assertEqual([get_friends_count(one) for one in (self.thoas, self.newbie, namesake)], [0, 0, 0])
        self.assertEqual([get_followers_count(one) for one in (self.thoas, self.newbie, namesake)], [1, 1, 0])

    def test_each_kind_is_counted(self) -> None:
        """With equal keys of different kinds, and an identifier given as a class."""
        other = self.create_user()
        for follower in (self.newbie, other, self.project):
            follow(follower, self.thoas)
        follow(self.thoas, self.newbie)
        follow(self.thoas, self.project)
        unfollow(other, self.thoas)

        for count, expected in (
            (get_followers_count, (2, 1, 1)),
            (get_followings_count, (2, 1, 1)),
            (get_friends_count, (2, 1, 1)),
        ):
            kinds = (None, self.user_kind, type(self.project))
            self.assertEqual(tuple(count(self.thoas, identifier=kind) for kind in kinds), expected)
        self.assertEqual(get_followings_count(self.newbie, identifier=self.project_kind), 0)

    def test_counts_are_by_resource_and_not_by_event(self) -> None:
        """Counts do not drift away from the lists."""
        for _ in range(3):
            follow(self.thoas, self.newbie)
            follow(self.thoas, self.newbie)
            follow(self.newbie, self.thoas)
            unfollow(self.thoas, self.newbie)
            unfollow(self.thoas, self.newbie)

        counts = (get_followers_count, get_followings_count, get_friends_count)
        self.assertEqual([count(self.newbie) for count in counts], [0, 1, 0])
        self.assertEqual([count(key_of(self.thoas)) for count in counts], [1, 0, 0])

    def test_many_follows_at_once(self) -> None:
        new = follow_many([(self.thoas, self.project), (self.newbie, self.project), (self.newbie, self.thoas)])

        self.assertEqual(new, 3)
        self.assertEqual({one for one, _ in get_followers(self.project)}, {self.newbie, self.thoas})
        self.assertEqual(
            (get_followers_count(self.project), get_followings_count(self.newbie), get_followers_count(self.thoas)),
            (2, 2, 1),
        )

    def test_many_unfollows_at_once(self) -> None:
        follow_many([(self.thoas, self.project), (self.newbie, self.project), (self.newbie, self.thoas)])

        new = unfollow_many([(self.thoas, self.project), (self.newbie, self.thoas), (self.thoas, self.newbie)])

        self.assertEqual(new, 2)
        self.assertEqual([one for one, _ in get_followers(self.project)], [self.newbie])
        self.assertEqual(
            (get_followers_count(self.project), get_followings_count(self.newbie), get_followers_count(self.thoas)),
            (1, 1, 0),
        )
