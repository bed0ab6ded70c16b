"""get_followers(), get_followings() and get_friends() return lists that read only what is used."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from sequere import ResourceKey
from sequere.exceptions import InvalidCursor, NotRegistered, UnknownIdentifier
from sequere.log.recording import record_internal
from sequere.models import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    unfollow,
)
from sequere.registry import registry
from sequere.relations.intents import to_begin
from sequere.relations.key import RelationKey
from tests.factories import ArticleFactory, BasketFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.statements import entries_read, exactly
from tests.testapp.models import Article, Project, Stranger, User

pytestmark = pytest.mark.django_db

START = datetime(2013, 10, 25, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@pytest.fixture
def film() -> Any:
    return ProjectFactory(name="La classe americaine")


@pytest.fixture
def fans(film: Project) -> list[User]:
    """Five of them, newest first."""
    users = UserFactory.create_batch(5)
    for minute, user in enumerate(users):
        follow(user, film, timestamp=at(minute))
    return users[::-1]


def test_its_repr_is_that_of_a_list_and_truncated(film: Project, fans: list[User]) -> None:
    assert repr(get_followers(film)[:1]) == f"[(<User: {fans[0]}>, {at(4)!r})]"

    follow_many((user, film) for user in UserFactory.create_batch(20))
    shown = repr(get_followers(film))
    assert shown.endswith(", '...(remaining elements truncated)...']")
    assert shown.count("<User: ") == 20


def test_a_cached_list_keeps_what_it_held(film: Project, fans: list[User]) -> None:
    cache.set("fans", get_followers(film)[:2])

    unfollow(fans[0], film)

    with exactly(0):
        assert cache.get("fans") == [(fans[0], at(4)), (fans[1], at(3))]


@pytest.mark.database
def test_a_page_costs_one_query_and_one_for_each_model(film: Project, fans: list[User]) -> None:
    """Instances are not loaded one by one."""
    follow_many((project, film) for project in ProjectFactory.create_batch(30))

    with exactly(3):
        assert len(list(get_followers(film)[0:40])) == 35
    with exactly(1):
        assert get_followers(film).count() == 35
    with exactly(0):
        assert list(get_followers(film)[:0]) == list(get_followers(film)[3:3]) == []
    with exactly(2):
        assert get_followers(film).first() is not None
    followers = get_followers(film)
    with exactly(3):
        assert [len(followers), len(list(followers)), followers[0] == followers[0], len(followers[2:9])] == [
            35,
            35,
            True,
            7,
        ]


@pytest.mark.database
def test_a_page_with_a_cursor_costs_the_same(film: Project, fans: list[User]) -> None:
    follow_many((project, film) for project in ProjectFactory.create_batch(3))

    with exactly(3):
        first = get_followers(film).page(4)
    with exactly(2):
        second = get_followers(film).page(4, first.next_cursor)

    assert [*first, *second] == list(get_followers(film))


@pytest.mark.database
def test_a_friendship_costs_two_queries_to_show_and_one_to_count(film: Project) -> None:
    for friend in UserFactory.create_batch(3):
        follow_many([(film, friend), (friend, film)])

    with exactly(2):
        shown = len(get_friends(film))
    with exactly(1):
        counted = get_friends_count(film)

    assert (shown, counted) == (3, 3)


def test_a_template_loops_over_it(film: Project, fans: list[User]) -> None:
    template = Template("{% if all %}{% for user, since in all %}{{ user.pk }} {% endfor %}{% endif %}{{ all|length }}")

    rendered = template.render(Context({"all": get_followers(film)}))

    assert rendered == " ".join([*(str(fan.pk) for fan in fans), "5"])


def test_one_kind_of_resource(film: Project) -> None:
    """Equal keys of different kinds are distinct, and an identifier may be given as a class."""
    user, project = UserFactory(pk=10**6), ProjectFactory(pk=10**6)
    fan = UserFactory()
    follow(fan, user)
    follow(fan, project)

    assert [one for one, _ in get_followings(fan)] == [project, user]
    for identifier in ("user", User):
        assert [one for one, _ in get_followings(fan, identifier=identifier)] == [user]
        assert get_followings(fan, identifier=identifier).count() == 1
        assert get_followers_count(user, identifier=identifier) == 1
    assert get_followers_count(user, identifier=Project) == 0
    assert list(get_friends(fan, identifier="project")) == []


@pytest.mark.parametrize("get", [get_followers, get_followings, get_friends, get_followers_count])
def test_an_unknown_identifier_is_refused(film: Project, get: Any) -> None:
    with pytest.raises(UnknownIdentifier, match=r"use one of .*project.*user"):
        get(film, identifier="usr")
    with pytest.raises(NotRegistered, match=r"testapp\.Stranger"):
        get(film, identifier=Stranger)
    with pytest.raises(TypeError):
        get(film, "user")


def test_a_hidden_instance_never_breaks_a_page(film: Project) -> None:
    """Neither a bare key nor None stands for what the manager hides."""
    articles = ArticleFactory.create_batch(4)
    follow_many((article, film) for article in articles)
    Article.everything.filter(pk__in=[articles[3].pk, articles[1].pk]).update(is_hidden=True)
    followers = get_followers(film)

    assert [article for article, _ in followers] == [articles[2], articles[0]]
    assert (followers.count(), len(followers), followers.hidden) == (4, 2, 2)
    assert followers.all().first() == followers[0]
    assert followers.all()[0][0] == articles[2]
    assert followers.all()[-1][0] == articles[0]
    assert [len(page.object_list) for page in Paginator(get_followers(film), 2)] == [1, 1]
    assert bool(get_followers(film)[3:4]) is True
    assert bool(get_followers(film)[0:1]) is False


def test_a_falsy_instance_counts(film: Project) -> None:
    """An instance with __len__ is a resource like any other."""
    basket = BasketFactory()

    follow(basket, film)

    assert [one for one, _ in get_followers(film)] == [basket]


def test_a_list_can_be_awaited(film: Project, fans: list[User]) -> None:
    async def read() -> tuple[list[User], int, Any]:
        followers = get_followers(film)
        assert (await followers.apage(1)).items == [(fans[0], at(4))]
        assert await followers.aexists()
        return [user async for user, _ in followers], await followers.acount(), await followers.afirst()

    assert async_to_sync(read)() == (fans, 5, (fans[0], at(4)))


def test_a_follower_with_another_kind_of_key_is_hidden(film: Project, fans: list[User]) -> None:
    """For example, of a model whose keys have become integers."""
    record_internal([to_begin(RelationKey(ResourceKey("user", "5b3a1c0e"), registry.key_of(film)))])

    page = get_followers(film).page(3)

    assert (page.items, page.hidden) == ([(fans[0], at(4)), (fans[1], at(3))], 1)


def test_a_stranger_has_no_list() -> None:
    with pytest.raises(NotRegistered):
        get_followers(StrangerFactory())


class Position:
    """An integer by __index__ only, like those of numpy."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


@pytest.mark.database
def test_an_instance_is_in_the_list_without_a_pair(film: Project, fans: list[User]) -> None:
    """As asked of the database."""
    other, friend = UserFactory(), UserFactory()
    follow_many([(film, friend), (friend, film)])

    with exactly(1):
        assert fans[0] in get_followers(film)
    with exactly(1):
        assert other not in get_followers(film)
    with exactly(1):
        assert film in get_followings(fans[0])
    with exactly(1):
        assert friend in get_friends(film)
    with exactly(0):
        assert fans[0] not in get_followers(film, identifier=Project)
        assert all(no not in get_followers(film) for no in ("thoas", None, 7, StrangerFactory.build(), User(), film.pk))
    assert ResourceKey("user", f"0{fans[0].pk}") in get_followers(film, identifier="user")
    assert (fans[0], at(4)) in get_followers(film)
    assert (fans[0], at(3)) not in get_followers(film)
    assert fans[0] not in get_friends(film)


def test_a_part_of_a_list_has_its_own_members(film: Project, fans: list[User]) -> None:
    followers = get_followers(film)
    part = followers[1:3]

    assert [fan in part for fan in fans] == [False, True, True, False, False]
    assert [fan in part[1:] for fan in fans] == [False, False, True, False, False]
    len(followers)
    unfollow(fans[4], film)
    assert [fans[4] in followers, fans[4] in followers.all(), fans[3] in followers.all()] == [True, False, True]


def test_a_list_is_a_sequence(film: Project, fans: list[User]) -> None:
    followers = get_followers(film)

    assert isinstance(followers, Sequence)
    assert [followers.index(one) for one in (fans[3], registry.key_of(fans[3]), (fans[3], at(1)))] == [3, 3, 3]
    assert (followers.index(fans[3], 2), followers.index(fans[3], -3, -1)) == (3, 3)
    for arguments in ((UserFactory(),), (fans[3], 4), (fans[3], 0, 3), ("thoas",), (None,)):
        with pytest.raises(ValueError, match="is not in the list"):
            followers.index(*arguments)
    assert sorted(fan.pk for fan, _ in random.sample(get_followers(film), 5)) == sorted(fan.pk for fan in fans)
    assert random.choice(get_followers(film)) in get_followers(film)
    unread = get_followers(film)
    assert unread[Position(1)] == unread[Position(-4)] == (fans[1], at(3))
    assert list(unread[Position(1) : Position(3)]) == list(unread[1:3])
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError):
            unread[wrong]  # type: ignore[call-overload]
    match get_followers(film):
        case [first, *_]:
            assert first == (fans[0], at(4))


@pytest.mark.parametrize("huge", [2**40, 2**63 - 1, 2**63, 10**30])
def test_no_number_is_too_large(film: Project, fans: list[User], huge: int) -> None:
    followers = get_followers(film)

    assert (len(followers.page(huge)), followers.page(huge).next_cursor) == (5, None)
    assert [user for user, _ in followers.all()[:huge]] == [user for user, _ in followers.all()[-huge:]] == fans
    assert list(followers.all()[huge:]) == list(followers.all()[huge : huge + 1]) == list(followers.all()[:-huge]) == []
    assert list(followers.all()[1:huge][1:huge]) == list(followers.all()[2:])
    assert sum(1 for _ in followers.iterator(chunk_size=huge)) == 5
    for index in (huge, -huge):
        with pytest.raises(IndexError):
            followers.all()[index]


@pytest.mark.parametrize("cursor", [5, 0, True, [], b"", object()])
def test_a_cursor_is_a_text(film: Project, cursor: Any) -> None:
    with pytest.raises(InvalidCursor):
        get_followers(film).page(2, cursor)


@pytest.mark.parametrize("size", [0, -1, -(10**30)])
def test_a_page_has_an_entry(film: Project, size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        get_followers(film).page(size)
    with pytest.raises(ValueError, match="at least one"):
        next(get_followers(film).iterator(chunk_size=size))
    with pytest.raises(TypeError):
        get_followers(film).page("2")  # type: ignore[arg-type]


@pytest.mark.database
def test_a_stepped_slice_of_nothing_asks_once(film: Project) -> None:
    with exactly(1):
        assert get_followers(film)[::2] == []


@pytest.mark.database
def test_a_long_list_costs_a_query_for_500_of_each_model(film: Project) -> None:
    """The keys of a page are not one unbounded IN."""
    follow_many((user, film) for user in UserFactory.create_batch(501))

    with exactly(3):
        assert len(get_followers(film)) == 501
    with exactly(1 + 6):
        assert sum(1 for _ in get_followers(film).iterator(chunk_size=100)) == 501


@pytest.mark.database
@pytest.mark.parametrize("get", [get_followers, get_followings, get_friends])
@pytest.mark.parametrize("options", [{}, {"desc": False}, {"identifier": "user"}])
@pytest.mark.parametrize("after", [False, True])
def test_a_page_is_read_from_an_index(get: Any, options: dict[str, Any], after: bool) -> None:
    """An index covers kind, key and time together."""
    thoas, *others = UserFactory.create_batch(6)
    follow_many([*((thoas, other) for other in others), *((other, thoas) for other in others)])
    source = get(thoas, **options)._source
    place = source.page(1, None)[0][0] if after else None

    if connection.vendor == "postgresql":
        assert entries_read("sequere_relation_%", lambda: source.page(2, place)) == 2
        return
    with CaptureQueriesContext(connection) as captured:
        source.page(20, place)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = str(cursor.fetchall())
    assert "sequere_relation_" in plan
    # It sorts the page once more when it has looked up the keys.
    assert plan.count("TEMP B-TREE") <= 1
