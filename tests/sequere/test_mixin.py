"""SequereMixin: every verb as a method of the first instance."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from sequere import models as verbs
from sequere.exceptions import AlreadyFollowingException, SelfFollowException
from sequere.mixin import SequereMixin
from sequere.models import Event, follow, is_following
from tests.testapp.models import Project, User

QUESTIONS = [
    ("is_following", ("newbie",), {}),
    ("is_following_many", (["newbie", "project"],), {}),
    ("is_followed_by", ("newbie",), {}),
    ("is_friend", ("newbie",), {}),
    ("are_friends_many", (["newbie", "project"],), {}),
    *(
        (f"{name}{count}", ("thoas",), {})
        for name in ("common_followers", "common_followings", "followed_by_followings")
        for count in ("", "_count")
    ),
    ("followed_by_followings", ("thoas",), {"identifier": "user", "desc": False}),
    *((name, (), {}) for name in ("get_followers", "get_followings", "get_friends")),
    ("get_followers", (), {"identifier": User, "desc": False}),
    ("get_followings", (), {"identifier": "project", "desc": False}),
    ("get_friends", (), {"identifier": "user", "desc": False}),
    *((name, (), {}) for name in ("get_followers_count", "get_followings_count", "get_friends_count")),
    *(
        (name, (), {"identifier": "user"})
        for name in ("get_followers_count", "get_followings_count", "get_friends_count")
    ),
]


@pytest.fixture
def named(thoas: User, newbie: User, project: Project) -> dict[str, Any]:
    """thoas follows a project and newbie; newbie follows thoas."""
    follow(thoas, project, timestamp=0)
    follow(thoas, newbie, timestamp=1)
    follow(newbie, thoas, timestamp=2)
    return {"thoas": thoas, "newbie": newbie, "project": project}


def given(named: dict[str, Any], arguments: tuple[Any, ...]) -> list[Any]:
    """The instances named by the arguments of a question."""
    return [[named[one] for one in name] if isinstance(name, list) else named[name] for name in arguments]


@pytest.mark.parametrize(("name", "arguments", "options"), QUESTIONS)
def test_a_method_answers_what_the_function_answers(
    named: dict[str, Any], name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    thoas = named["thoas"]

    answer = getattr(thoas, name)(*given(named, arguments), **options)

    assert answer == getattr(verbs, name)(thoas, *given(named, arguments), **options)
    assert answer


# The list is awaited, not the call that returns it.
@pytest.mark.parametrize(("name", "arguments", "options"), [one for one in QUESTIONS if hasattr(verbs, f"a{one[0]}")])
def test_an_awaited_question_is_answered_alike(
    named: dict[str, Any], name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    thoas = named["thoas"]

    by_method = async_to_sync(getattr(thoas, f"a{name}"))(*given(named, arguments), **options)
    by_function = async_to_sync(getattr(verbs, f"a{name}"))(thoas, *given(named, arguments), **options)

    assert by_method == by_function == getattr(verbs, name)(thoas, *given(named, arguments), **options)


def test_a_method_follows_and_unfollows(thoas: User, project: Project) -> None:
    began = thoas.follow(project, timestamp=0)
    again = thoas.follow(project)
    following = is_following(thoas, project)
    ended = thoas.unfollow(project)

    assert (again, following, is_following(thoas, project)) == (None, True, False)
    assert list(Event.objects.order_by("id")) == [began, ended]
    assert began is not None
    assert began.occurred_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_method_takes_the_options_of_the_function(thoas: User, project: Project) -> None:
    thoas.follow(project, idempotency_key="request 1")

    assert thoas.follow(project, idempotency_key="request 1") is not None
    with pytest.raises(AlreadyFollowingException):
        thoas.follow(project, fail_silently=False)
    with pytest.raises(SelfFollowException):
        thoas.follow(thoas)
    with pytest.raises(TypeError, match="unexpected keyword"):
        thoas.follow(project, when=0)


def test_a_method_follows_many(thoas: User, newbie: User, project: Project) -> None:
    done: list[int] = []

    new = thoas.follow_many((one for one in (newbie, project)), progress=done.append)
    gone = thoas.unfollow_many([newbie])

    assert (new, gone, done) == (2, 1, [2])
    assert thoas.is_following_many([newbie, project]) == {newbie: False, project: True}


def test_an_awaited_method_follows(thoas: User, newbie: User, project: Project) -> None:
    async def tell() -> list[Any]:
        return [
            (await thoas.afollow(project, timestamp=0)) is not None,
            await thoas.afollow(project),
            await thoas.ais_following(project),
            (await thoas.aunfollow(project)) is not None,
            await thoas.ais_following_many([project, newbie]),
            await thoas.afollow_many([project, newbie]),
            await thoas.aunfollow_many([newbie]),
            await thoas.aget_followings_count(identifier="project"),
            await project.aget_followers_count(),
            await project.aget_friends_count(),
        ]

    told = async_to_sync(tell)()

    assert told == [True, None, True, True, {project: False, newbie: False}, 2, 1, 1, 1, 0]


def test_an_awaited_function_follows(thoas: User, newbie: User, project: Project) -> None:
    async def tell() -> list[Any]:
        return [
            (await verbs.afollow(thoas, project)) is not None,
            (await verbs.aunfollow(thoas, project)) is not None,
            await verbs.afollow_many([(thoas, project), (newbie, project)]),
            await verbs.aunfollow_many([(thoas, project)]),
            await verbs.aget_followers_count(project, identifier=User),
        ]

    told = async_to_sync(tell)()

    assert told == [True, True, 2, 1, 1]


def test_every_verb_is_a_method() -> None:
    functions = {name for name, _ in inspect.getmembers(verbs, inspect.isfunction)}
    awaited = {name for name in dir(verbs) if name.startswith("a") and name[1:] in functions}

    methods = {name for name in vars(SequereMixin) if callable(getattr(SequereMixin, name)) and name[0] != "_"}

    exceptions = {"DoesNotExist", "MultipleObjectsReturned", "NotUpdated", "Meta"}
    of_nobody = {"wait_for_projections", "await_for_projections", "counts_many", "acounts_many"}
    assert methods - exceptions == (functions | awaited) & {*verbs.__all__} - of_nobody
