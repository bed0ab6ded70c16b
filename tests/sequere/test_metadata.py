"""Who, where and why: event_metadata() and the middleware."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.urls import path

from sequere.base import ResourceKey
from sequere.exceptions import InvalidEventData
from sequere.log.metadata import event_metadata
from sequere.middleware import SequereMiddleware
from sequere.models import Event, afollow, follow, is_following, unfollow
from tests.factories import StrangerFactory
from tests.statements import exactly
from tests.testapp.models import Project, Stranger, User


def recorded_metadata() -> list[dict[str, Any]]:
    return list(Event.objects.order_by("id").values_list("metadata", flat=True))


def test_everything_recorded_inside_a_block_has_its_metadata(thoas: User, newbie: User, project: Project) -> None:
    with event_metadata(who=newbie, correlation_id="abc"):
        follow(thoas, project)
        with event_metadata(who="cron", causation_id="import 7"):
            unfollow(thoas, project)
        follow(thoas, newbie)
    unfollow(thoas, newbie)

    assert recorded_metadata() == [
        {"who": f"user:{newbie.pk}", "correlation_id": "abc"},
        {"who": "cron", "correlation_id": "abc", "causation_id": "import 7"},
        {"who": f"user:{newbie.pk}", "correlation_id": "abc"},
        {},
    ]


def test_an_unregistered_instance_has_a_name_too(thoas: User, project: Project) -> None:
    stranger = StrangerFactory()

    with event_metadata(who=stranger, reason=None):
        event = follow(thoas, project)

    assert event is not None
    assert event.metadata == {"who": f"testapp.stranger:{stranger.pk}"}


def test_a_block_that_fails_leaves_no_metadata(thoas: User, project: Project) -> None:
    with pytest.raises(LookupError), event_metadata(who="cron"):
        raise LookupError

    event = follow(thoas, project)

    assert event is not None
    assert event.metadata == {}


def test_a_callable_is_called_when_an_event_is_recorded_and_only_then(thoas: User, project: Project) -> None:
    called: list[str] = []

    with event_metadata(who=lambda: called.append("who") or "cron"):
        is_following(thoas, project)
        unfollow(thoas, project)
        before = list(called)
        event = follow(thoas, project)

    assert event is not None
    assert (before, called, event.metadata) == ([], ["who"], {"who": "cron"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"when": datetime(2013, 10, 25, tzinfo=UTC)}, "not JSON serializable"),
        ({"size": float("nan")}, "not JSON compliant"),
        ({1: "one"}, "would come back as"),
        ({"pair": (1, 2)}, "would come back as"),
        ({"text": "\x00"}, "NUL"),
        ({"text": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_metadata_must_fit_json(thoas: User, project: Project, data: dict[Any, Any], reason: str) -> None:
    with event_metadata(about=data), pytest.raises(InvalidEventData, match=reason):
        follow(thoas, project)

    assert recorded_metadata() == []


def test_metadata_belongs_to_its_task(thoas: User, newbie: User, project: Project) -> None:
    async def follow_as(name: str, one: User, turn: asyncio.Event, next_turn: asyncio.Event) -> None:
        with event_metadata(who=name):
            await turn.wait()
            await afollow(one, project)
            next_turn.set()

    async def both() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        first.set()
        await asyncio.gather(
            follow_as("thoas", thoas, first, second), follow_as("newbie", newbie, second, asyncio.Event())
        )

    async_to_sync(both)()

    assert recorded_metadata() == [{"who": "thoas"}, {"who": "newbie"}]


# The middleware


def follow_the_film(request: HttpRequest) -> HttpResponse:
    follow(User.objects.get(username="thoas"), Project.objects.get())
    return HttpResponse()


async def follow_the_film_async(request: HttpRequest) -> HttpResponse:
    await afollow(await User.objects.aget(username="thoas"), await Project.objects.aget())
    return HttpResponse()


urlpatterns = [path("follow/", follow_the_film), path("afollow/", follow_the_film_async)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("url", ["/follow/", "/afollow/"])
def test_the_middleware_says_who_and_where(
    thoas: User, newbie: User, project: Project, client: Client, url: str
) -> None:
    client.force_login(newbie)

    client.post(url, headers={"X-Correlation-ID": "abc"})

    assert Event.objects.get().metadata == {"who": f"user:{newbie.pk}", "request": url, "correlation_id": "abc"}


@pytest.mark.urls(__name__)
def test_an_anonymous_request_is_by_nobody(thoas: User, project: Project, client: Client) -> None:
    client.post("/follow/", headers={"X-Request-ID": "def"})

    assert Event.objects.get().metadata == {"request": "/follow/", "correlation_id": "def"}


@pytest.mark.urls(__name__)
def test_a_request_without_a_correlation_id_is_given_one(thoas: User, project: Project, client: Client) -> None:
    client.post("/follow/")

    assert UUID(hex=Event.objects.get().metadata["correlation_id"])


def test_texts_from_a_client_are_fitted_to_the_log(thoas: User, project: Project) -> None:
    request = RequestFactory().post("/follow/%00/" + "x" * 300, headers={"X-Correlation-ID": "i" * 300})
    request.user = AnonymousUser()

    SequereMiddleware(follow_the_film)(request)

    assert Event.objects.get().metadata == {
        "request": ("/follow/\N{REPLACEMENT CHARACTER}/" + "x" * 300)[:200],
        "correlation_id": "i" * 200,
    }


def test_the_middleware_needs_no_users(thoas: User, project: Project) -> None:
    SequereMiddleware(follow_the_film)(RequestFactory().post("/follow/", headers={"X-Request-ID": "def"}))

    assert Event.objects.get().metadata == {"request": "/follow/", "correlation_id": "def"}


class TokenUser:
    """What a token says of a user: not an instance of any model, as with simplejwt."""

    is_authenticated = True
    pk = id = 7

    def __init__(self, text: Any) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text  # type: ignore[no-any-return]  # on purpose


@pytest.mark.parametrize(
    ("text", "who"),
    [("TokenUser 7", "TokenUser 7"), ("\x00" + "x" * 300, "\ufffd" + "x" * 199), (None, "<TokenUser>")],
)
def test_a_user_who_is_not_an_instance_is_a_text(
    thoas: User, project: Project, rf: RequestFactory, text: Any, who: str
) -> None:
    request = rf.post("/follow/", headers={"X-Request-ID": "def"})
    request.user = TokenUser(text)

    SequereMiddleware(follow_the_film)(request)

    assert Event.objects.get().metadata["who"] == who


@pytest.mark.usefixtures("without_users")
def test_a_user_who_is_not_a_resource_keeps_his_name_too(newbie: User, project: Project, rf: RequestFactory) -> None:
    request, pk = rf.post("/"), newbie.pk
    request.user = newbie

    def delete_and_follow(request: HttpRequest) -> HttpResponse:
        request.user.delete()
        follow(ResourceKey("package", "a"), project)
        return HttpResponse()

    SequereMiddleware(delete_and_follow)(request)

    assert Event.objects.get().metadata["who"] == f"testapp.user:{pk}"


@pytest.mark.parametrize("follows", [True, False])
def test_who_deletes_himself_keeps_his_name(
    thoas: User, newbie: User, project: Project, rf: RequestFactory, follows: bool
) -> None:
    """Whether the log has heard of the user before or not."""
    request, name = rf.post("/"), f"user:{newbie.pk}"
    request.user = newbie
    if follows:
        follow(newbie, project)

    def delete_and_follow(request: HttpRequest) -> HttpResponse:
        request.user.delete()
        return follow_the_film(request)

    SequereMiddleware(delete_and_follow)(request)
    with event_metadata(who=newbie):
        unfollow(thoas, project)

    assert {metadata.get("who") for metadata in recorded_metadata()[follows:]} == {name}


def test_an_instance_without_a_key_is_named_after_its_model(thoas: User, project: Project) -> None:
    with event_metadata(who=Stranger()):
        follow(thoas, project)

    assert recorded_metadata() == [{"who": "testapp.stranger"}]


def test_the_middleware_works_under_asgi(thoas: User, project: Project) -> None:
    async def answer() -> None:
        request = AsyncRequestFactory().post("/afollow/", headers={"X-Request-ID": "def"})
        request.user = thoas
        await SequereMiddleware(follow_the_film_async)(request)

    async_to_sync(answer)()

    assert Event.objects.get().metadata == {"who": f"user:{thoas.pk}", "request": "/afollow/", "correlation_id": "def"}


def test_a_request_that_records_nothing_costs_nothing(rf: RequestFactory, db: None) -> None:
    request = rf.get("/")
    request.user = None  # type: ignore[assignment]  # would fail if it were read

    with exactly(0):
        response = SequereMiddleware(lambda request: HttpResponse())(request)

    assert response.status_code == 200
