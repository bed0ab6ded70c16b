"""Follows in scopes: each scope is a graph of its own."""

from collections.abc import Iterator
from functools import partial

from sequere.api import (
    ALL,
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
    unfollow_many,
)
from sequere.backends.base import get_backend
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.results.relations import Related, RelationList
from sequere.testing.contracts.base import Contract, at


class ScopesContract(Contract):
    """What is followed in one scope has nothing to do with another one."""

    def test_scopes_are_independent(self) -> None:
        follow(self.thoas, self.project, timestamp=at(1))
        follow(self.thoas, self.project, timestamp=at(2), scope="watch")
        follow(self.newbie, self.project, timestamp=at(3), scope="watch")

        unfollow(self.thoas, self.project)

        self.assertEqual([is_following(self.thoas, self.project, scope=one) for one in ("", "watch")], [False, True])
        self.assertEqual(list(get_followers(self.project)), [])
        watchers = get_followers(self.project, scope="watch")
        self.assertEqual(list(watchers), [(self.newbie, at(3)), (self.thoas, at(2))])
        self.assertEqual(list(get_followings(self.thoas, scope="watch")), [(self.project, at(2))])
        self.assertIn(self.thoas, watchers)
        self.assertNotIn(self.thoas, get_followers(self.project))
        first = watchers.page(1)
        self.assertEqual(list(watchers.page(1, first.next_cursor)), [(self.thoas, at(2))])
        self.assertEqual(
            [get_followers_count(self.project, identifier=kind, scope="watch") for kind in (None, self.user_kind)],
            [2, 2],
        )
        self.assertEqual((get_followers_count(self.project), get_followings_count(self.thoas, scope="watch")), (0, 1))
        self.assertEqual(
            is_following_many(self.thoas, [self.project, self.newbie], scope="watch"),
            {self.project: True, self.newbie: False},
        )

    def test_friends_are_friends_within_one_scope(self) -> None:
        follow(self.thoas, self.newbie)
        follow(self.newbie, self.thoas, scope="watch", timestamp=at(1))

        self.assertEqual([get_friends_count(self.thoas, scope=one) for one in ("", "watch")], [0, 0])

        follow(self.thoas, self.newbie, scope="watch", timestamp=at(2))

        self.assertEqual(list(get_friends(self.newbie, scope="watch")), [(self.thoas, at(2))])
        self.assertEqual([get_friends_count(self.thoas, scope=one) for one in ("", "watch")], [0, 1])

    def test_many_pairs_in_a_scope(self) -> None:
        pairs = [(self.thoas, self.project), (self.newbie, self.project), (self.newbie, self.thoas)]

        new = [follow_many(pairs, scope="watch"), follow_many(pairs[:1]), unfollow_many(pairs[1:], scope="watch")]

        self.assertEqual(new, [3, 1, 2])
        self.assertEqual([one for one, _ in get_followers(self.project, scope="watch")], [self.thoas])
        self.assertEqual([one for one, _ in get_followers(self.project)], [self.thoas])

    def test_a_scope_may_be_any_text(self) -> None:
        odd = ["watch", "Watch", "it's", "50% %s {given}", '"', ":", "é" * 50]

        for scope in odd:
            follow(self.thoas, self.project, scope=scope)
        unfollow(self.thoas, self.project, scope="watch")

        live = [is_following(self.thoas, self.project, scope=scope) for scope in odd]
        self.assertEqual(live, [False, *[True] * (len(odd) - 1)])
        self.assertEqual(verify("follows").wrong, 0)

    def test_a_deletion_ends_the_follows_of_all_scopes(self) -> None:
        for scope in ("", "watch"):
            follow(self.newbie, self.thoas, scope=scope)
            follow(self.thoas, self.project, scope=scope)

        self.delete(self.thoas)

        for scope in ("", "watch"):
            count = partial(get_followers_count, scope=scope)
            self.assertEqual((count(self.project), get_followings_count(self.newbie, scope=scope)), (0, 0))
        self.assertEqual(self.differences("follows"), [])

    def test_a_rebuild_is_one_of_all_scopes(self) -> None:
        for scope in ("", "watch", "star"):
            follow_many([(self.thoas, self.newbie, at(1)), (self.newbie, self.thoas, at(2))], scope=scope)
        unfollow(self.newbie, self.thoas, scope="star")
        get_backend().reset(self.using)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        friends = [list(get_friends(self.thoas, scope=one)) for one in ("", "watch", "star")]
        self.assertEqual(friends, [[(self.newbie, at(2))], [(self.newbie, at(2))], []])
        self.assertEqual(list(get_followings(self.thoas, scope="star")), [(self.newbie, at(1))])
        self.assertEqual(self.differences("follows"), [])

    def test_what_is_missing_in_one_scope_is_found(self) -> None:
        follow(self.thoas, self.project)
        with self.unheard():
            follow(self.thoas, self.project, scope="watch")
            follow(self.newbie, self.project, scope="watch")
        self.assertGreater(len(self.differences("follows")), 0)

        rebuild("follows")

        self.assertEqual([get_followers_count(self.project, scope=one) for one in ("", "watch")], [1, 2])
        self.assertEqual(self.differences("follows"), [])

    def test_lists_and_counts_over_all_scopes(self) -> None:
        one, other = self.create_users(2)
        first = follow(one, self.project, timestamp=at(1))
        for scope, followers in (("watch", (self.thoas, one)), ("star", (self.thoas, self.newbie, other))):
            for follower in followers:
                follow(follower, self.project, timestamp=at(2), scope=scope)
        follow(self.newbie, self.project, timestamp=at(3))
        unfollow(other, self.project, scope="star")

        everybody = get_followers(self.project, scope=ALL)

        found = list(everybody)
        watchers, stars = (list(get_followers(self.project, scope=scope)) for scope in ("watch", "star"))
        self.assertEqual([found[0], found[-1]], [(self.newbie, at(3)), (one, at(1))])
        self.assertCountEqual(found[1:-1], watchers + stars)
        self.assertEqual(list(get_followers(self.project, scope=ALL, desc=False)), found[::-1])
        self.assertEqual((everybody.count(), get_followers_count(self.project, scope=ALL)), (6, 6))
        self.assertEqual([one for one, _ in everybody[1:3]], [one for one, _ in found[1:3]])
        self.assertIn(self.thoas, everybody)
        self.assertNotIn(other, everybody)
        self.assertEqual(list(get_followers(self.project, scope=ALL, as_of=first)), [(one, at(1))])
        for size in (1, 2, 4):
            with self.subTest(size=size):
                self.assertEqual([*pages(everybody, size)], found)
        second = everybody.page(2, everybody.page(2).next_cursor)
        self.assertEqual(list(everybody.page(2, second.previous_cursor)), found[:2])


def pages(relations: RelationList, size: int) -> Iterator[Related]:
    """What the pages of a list have."""
    page = relations.page(size)
    yield from page
    while page.next_cursor:
        page = relations.page(size, page.next_cursor)
        yield from page
