"""Friends: instances that follow each other."""

from sequere.api import (
    follow,
    follow_many,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_following,
    unfollow,
    unfollow_many,
)
from sequere.testing.contracts.base import Contract, at


class FriendsContract(Contract):
    """The beginning and the end of friendships."""

    def assert_friends(self, since: int) -> None:
        both = [(self.newbie, at(since))], [(self.thoas, at(since))]
        self.assertEqual((list(get_friends(self.thoas)), list(get_friends(self.newbie))), both)
        self.assertEqual((get_friends_count(self.thoas), get_friends_count(self.newbie)), (1, 1))

    def assert_strangers(self) -> None:
        self.assertEqual((list(get_friends(self.thoas)), list(get_friends(self.newbie))), ([], []))
        self.assertEqual((get_friends_count(self.thoas), get_friends_count(self.newbie)), (0, 0))

    def test_who_follows_each_other_is_friends(self) -> None:
        follow(self.thoas, self.newbie, timestamp=at(1))

        follow(self.newbie, self.thoas, timestamp=at(2))

        self.assert_friends(since=2)

    def test_a_friendship_began_with_the_later_follow(self) -> None:
        """The later time counts, in whatever order the calls come."""
        follow(self.thoas, self.newbie, timestamp=at(2))

        follow(self.newbie, self.thoas, timestamp=at(1))

        self.assert_friends(since=2)

    def test_one_follow_is_no_friendship(self) -> None:
        follow(self.thoas, self.newbie)

        self.assert_strangers()

    def test_a_friendship_ends_for_both_when_one_of_them_leaves(self) -> None:
        """Neither remains a friend, and no count falls below zero."""
        for one, other in ((self.thoas, self.newbie), (self.newbie, self.thoas)):
            with self.subTest(leaves=one):
                follow(self.thoas, self.newbie)
                follow(self.newbie, self.thoas)

                unfollow(one, other)

                self.assert_strangers()
                self.assertEqual((is_following(one, other), is_following(other, one)), (False, True))

    def test_friends_part_and_meet_again(self) -> None:
        follow(self.thoas, self.newbie, timestamp=at(1))
        follow(self.newbie, self.thoas, timestamp=at(2))
        unfollow(self.thoas, self.newbie, timestamp=at(3))
        unfollow(self.newbie, self.thoas, timestamp=at(4))
        self.assert_strangers()
        follow(self.newbie, self.thoas, timestamp=at(5))

        follow(self.thoas, self.newbie, timestamp=at(6))

        self.assert_friends(since=6)

    def test_a_list_of_friends_is_as_long_as_it_says(self) -> None:
        """count() is the number of friends, not of followings, so a Paginator makes no empty pages."""
        follow(self.thoas, self.newbie)
        follow(self.newbie, self.thoas)
        follow(self.thoas, self.project)

        friends = get_friends(self.thoas)

        counts = (friends.count(), len(friends), get_friends_count(self.thoas), get_followings_count(self.thoas))
        self.assertEqual(counts, (1, 1, 1, 2))

    def test_friends_of_one_kind(self) -> None:
        for one, other in ((self.thoas, self.newbie), (self.thoas, self.project)):
            follow(one, other, timestamp=at(1))
            follow(other, one, timestamp=at(1))

        self.assertEqual(list(get_friends(self.thoas, identifier=self.project_kind)), [(self.project, at(1))])
        self.assertEqual(list(get_friends(self.thoas, identifier=type(self.newbie))), [(self.newbie, at(1))])

    def test_friends_are_in_the_order_of_their_friendships(self) -> None:
        others = self.create_users(3)
        for other, minute in zip(others, (3, 1, 2), strict=True):
            follow(other, self.thoas, timestamp=at(0))
            follow(self.thoas, other, timestamp=at(minute))

        newest_first = [friend for friend, _ in get_friends(self.thoas)]
        oldest_first = [friend for friend, _ in get_friends(self.thoas, desc=False)]

        self.assertEqual(newest_first, [others[0], others[2], others[1]])
        self.assertEqual(oldest_first, newest_first[::-1])

    def test_mutual_pairs_of_one_batch_make_friends(self) -> None:
        """Two follows in one batch see each other."""
        follow_many([(self.thoas, self.newbie, at(1)), (self.newbie, self.thoas, at(2))])

        self.assert_friends(since=2)

    def test_mutual_pairs_of_one_batch_part(self) -> None:
        follow_many([(self.thoas, self.newbie), (self.newbie, self.thoas)])

        unfollow_many([(self.thoas, self.newbie), (self.newbie, self.thoas)])

        self.assert_strangers()
