"""What lists have in common, suggestions, and questions about many."""

from functools import partial
from typing import Any

from django.db import models

from sequere.api import (
    are_friends_many,
    common_followers,
    common_followers_count,
    common_followings,
    common_followings_count,
    counts_many,
    follow,
    follow_many,
    followed_by_followings,
    followed_by_followings_count,
    get_followers_count,
    get_followings_count,
    get_friends_count,
    is_followed_by,
    is_friend,
    suggest,
    unfollow,
)
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import InvalidCursor
from sequere.testing.contracts.base import Contract, at, key_of
from sequere.testing.contracts.pages import pages_of


class AlgebraContract(Contract):
    """Lists that are made from others, and what ends in `_many`."""

    def test_who_is_a_friend(self) -> None:
        stranger = self.create_user()
        follow_many([(self.thoas, self.newbie), (self.newbie, self.thoas), (self.thoas, self.project)])

        self.assertEqual(
            (is_friend(self.thoas, self.newbie), is_friend(self.thoas, self.project), is_friend(stranger, self.thoas)),
            (True, False, False),
        )
        self.assertEqual(
            list(are_friends_many(self.newbie, [self.project, self.thoas, stranger]).items()),
            [(self.project, False), (self.thoas, True), (stranger, False)],
        )
        self.assertEqual(
            (is_followed_by(self.project, self.thoas), is_followed_by(self.thoas, self.project)), (True, False)
        )

        unfollow(self.newbie, self.thoas)

        self.assertFalse(is_friend(self.thoas, self.newbie))
        self.assertEqual(are_friends_many(stranger, []), {})

    def test_the_counts_of_many(self) -> None:
        """In the order given, and keyed by what was given."""
        stranger = self.create_user()
        follow_many([(self.thoas, self.newbie), (self.newbie, self.thoas), (self.project, self.thoas)])
        asked: list[ResourceLike] = [
            stranger,
            key_of(self.project),
            self.thoas,
            ResourceKey(self.project_kind, "404"),
            self.newbie,
        ]

        counts = counts_many(asked)

        self.assertEqual(list(counts), asked)
        self.assertEqual([*map(tuple, counts.values())], [(0, 0, 0), (0, 1, 0), (2, 1, 1), (0, 0, 0), (1, 1, 1)])
        for one, found in counts.items():
            self.assertEqual(found, (get_followers_count(one), get_followings_count(one), get_friends_count(one)))
        self.assertEqual(counts_many([]), {})

    def create_crowd(self) -> list[models.Model]:
        """Six users, of whom thoas follows four and newbie four; three of these follow the project."""
        users = self.create_users(6)
        follow_many((self.thoas, user, at(n)) for n, user in enumerate(users[:4]))
        follow_many((self.newbie, user, at(10 - n)) for n, user in enumerate(users[2:]))
        follow_many((users[n], self.project, at(20 + n % 2)) for n in (1, 3, 5))
        return users

    def test_what_both_follow(self) -> None:
        """In the order of the second one."""
        users = self.create_crowd()

        self.assertEqual(list(common_followings(self.thoas, self.newbie)), [(users[2], at(10)), (users[3], at(9))])
        self.assertEqual(list(common_followings(self.newbie, self.thoas)), [(users[3], at(3)), (users[2], at(2))])
        self.assertEqual(
            [one for one, _ in common_followings(self.thoas, self.newbie, desc=False)], [users[3], users[2]]
        )
        self.assertEqual(common_followings_count(self.thoas, self.newbie), 2)
        self.assertEqual(common_followings_count(self.thoas, self.newbie, identifier=self.project_kind), 0)
        self.assertEqual(list(common_followings(self.thoas, self.project)), [])

    def test_who_follows_both(self) -> None:
        users = self.create_users(3)
        follow_many((user, self.thoas, at(n)) for n, user in enumerate(users))
        follow_many((user, self.newbie, at(9 - n)) for n, user in enumerate(users[1:]))
        follow_many([(self.project, self.thoas), (self.project, self.newbie, at(30))])

        self.assertEqual(
            list(common_followers(self.thoas, self.newbie)),
            [(self.project, at(30)), (users[1], at(9)), (users[2], at(8))],
        )
        self.assertEqual(
            list(common_followers(self.newbie, self.thoas, identifier=self.user_kind)),
            [(users[2], at(2)), (users[1], at(1))],
        )
        self.assertEqual(common_followers_count(self.thoas, self.newbie), 3)

    def test_those_followed_who_follow(self) -> None:
        """Whichever of both lists is the shorter one."""
        users = self.create_crowd()
        expected = [(users[3], at(21)), (users[1], at(21))]
        ties = [one for one, _ in followed_by_followings(self.thoas, self.project)]
        self.assertCountEqual(ties, [one for one, _ in expected])
        self.assertEqual({since for _, since in followed_by_followings(self.thoas, self.project)}, {at(21)})
        self.assertEqual(followed_by_followings_count(self.thoas, self.project), 2)

        follow_many((self.thoas, user) for user in self.create_users(3))

        self.assertEqual([one for one, _ in followed_by_followings(self.thoas, self.project)], ties)
        self.assertIn(users[1], followed_by_followings(self.thoas, self.project))
        self.assertNotIn(users[5], followed_by_followings(self.thoas, self.project))
        self.assertEqual(followed_by_followings_count(self.create_user(), self.project), 0)

    def test_pages_of_what_is_in_common(self) -> None:
        users = self.create_users(7)
        follow_many((self.thoas, user) for user in users)
        follow_many((user, self.project, at(n // 3)) for n, user in enumerate(users))

        for get in (
            partial(followed_by_followings, self.thoas, self.project),
            partial(followed_by_followings, self.thoas, self.project, desc=False),
            partial(common_followers, self.project, self.project),
        ):
            whole = list(get())
            self.assertEqual(len(whole), 7)
            for size in (1, 2, 3, 7):
                self.assertEqual([one for page in pages_of(get, size) for one in page], whole)
            self.assertEqual(list(get()[2:5]), whole[2:5])
            self.assertEqual(list(get().iterator()), whole)
        cursor = followed_by_followings(self.thoas, self.project).page(2).next_cursor
        with self.assertRaises(InvalidCursor):
            common_followers(self.thoas, self.project).page(2, cursor)

    def test_hidden_ones_are_counted(self) -> None:
        users = self.create_crowd()
        self.hide(users[3])

        found = common_followings(self.thoas, self.newbie)

        self.assertEqual((list(found), found.hidden, found.count()), ([(users[2], at(10))], 1, 2))

    def test_suggestions(self) -> None:
        """Neither oneself, nor what one follows already."""
        users = self.create_users(3)
        follow_many((self.thoas, user) for user in users)
        follow_many((user, self.project) for user in users)
        follow_many([(users[0], self.newbie), (users[1], self.newbie), (users[0], users[1]), (users[2], self.thoas)])
        stranger = self.create_user()
        follow(users[1], stranger)
        follow(stranger, self.create_user())

        found = suggest(self.thoas)

        self.assertEqual(list(found), [(self.project, 3), (self.newbie, 2), (stranger, 1)])
        self.assertEqual([one.shared for one in found], [3, 2, 1])
        self.assertEqual(list(suggest(self.thoas, identifier=self.project_kind)), [(self.project, 3)])
        self.assertEqual((found.count(), suggest(self.newbie).count(), suggest(self.create_user()).count()), (3, 0, 0))

        follow(self.thoas, self.project)

        self.assertEqual([one for one, _ in suggest(self.thoas)], [self.newbie, stranger])

    def test_pages_of_suggestions(self) -> None:
        users = self.create_users(3)
        suggested = self.create_users(7)
        follow_many((self.thoas, user) for user in users)
        follow_many((user, one) for n, user in enumerate(users) for one in suggested[2 * n :])

        get = partial(suggest, self.thoas)
        whole: list[Any] = list(get())

        self.assertEqual([shared for _, shared in whole], [3, 3, 3, 2, 2, 1, 1])
        for size in (1, 2, 3, 7):
            pages = list(pages_of(get, size))
            self.assertEqual([one for page in pages for one in page], whole)
            if size < len(whole):
                self.assertEqual(get().page(size, pages[1].previous_cursor).items, pages[0].items)
        self.assertEqual((list(get()[1:3]), get()[-1]), (whole[1:3], whole[-1]))

    def test_scopes_have_lists_of_their_own(self) -> None:
        fan = self.create_user()
        follow_many([(fan, self.thoas), (fan, self.newbie), (self.newbie, fan), (self.thoas, fan)], scope="watch")
        follow(fan, self.project, scope="watch")

        self.assertEqual([one for one, _ in common_followers(self.thoas, self.newbie, scope="watch")], [fan])
        self.assertEqual(common_followings_count(self.thoas, self.newbie, scope="watch"), 1)
        self.assertEqual(followed_by_followings_count(self.thoas, self.newbie, scope="watch"), 1)
        suggested = suggest(self.thoas, scope="watch")
        self.assertCountEqual([(one, shared) for one, shared in suggested], [(self.newbie, 1), (self.project, 1)])
        self.assertEqual(counts_many([fan], scope="watch")[fan], (2, 3, 2))
        self.assertEqual(are_friends_many(fan, [self.thoas], scope="watch"), {self.thoas: True})
        self.assertEqual((is_friend(fan, self.thoas), is_followed_by(fan, self.thoas)), (False, False))
        self.assertEqual((suggest(self.thoas).count(), counts_many([fan])[fan]), (0, (0, 0, 0)))
        self.assertEqual(common_followers_count(self.thoas, self.newbie), 0)
