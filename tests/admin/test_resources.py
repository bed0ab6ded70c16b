"""The page of any registered instance links to its followers, its followings and its events."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.test import Client, RequestFactory

import sequere
from sequere.admin import EventAdmin, ResourceAdminMixin
from sequere.admin.relations import RELATIONS_PER_PAGE
from sequere.exceptions import ReadModelLost
from sequere.models import Event, follow, is_suspended
from tests.admin.conftest import LogIn
from tests.admin.pages import EVENTS, events_on, link, text_of
from tests.factories import ArticleFactory, DocumentFactory, PackageFactory, StrangerFactory, UserFactory
from tests.statements import at_most
from tests.testapp.models import Article, Document, Package, Project, Stranger, User
from tests.testapp.sequere_registry import UserSequere

pytestmark = pytest.mark.django_db


def change_page(browser: Client, instance: Any) -> Any:
    meta = instance._meta
    return browser.get(f"/admin/{meta.app_label}/{meta.model_name}/{instance.pk}/change/")


def tools_of(response: Any) -> list[str]:
    text = text_of(response)
    return [word for word in ("Followers", "Followings", "Events") if word in text]


@pytest.mark.parametrize("factory", [UserFactory, DocumentFactory, PackageFactory])
def test_a_page_has_the_links_with_the_mixin_and_without(browser: Client, thoas: User, factory: Any) -> None:
    instance = factory(**({} if factory is UserFactory else {"name": "lib"}))
    event = follow(thoas, instance)
    assert event

    response = change_page(browser, instance)
    followers = browser.get(link(response, "Followers"))
    followings = browser.get(link(response, "Followings"))
    events = browser.get(link(response, "Events"))

    assert "thoas" in text_of(followers)
    assert "Nobody." in text_of(followings)
    assert events_on(events) == [event.pk]


def test_the_links_are_the_same_with_the_mixin(browser: Client) -> None:
    with_it, without = change_page(browser, PackageFactory(name="lib")), change_page(browser, DocumentFactory())

    assert issubclass(type(admin.site.get_model_admin(Package)), ResourceAdminMixin)
    assert not issubclass(type(admin.site.get_model_admin(Document)), ResourceAdminMixin)
    assert tools_of(with_it) == tools_of(without) == ["Followers", "Followings", "Events"]


def test_a_page_keeps_its_own_tools(browser: Client, thoas: User) -> None:
    response = change_page(browser, thoas)

    assert "History" in text_of(response)
    assert browser.post(response.request["PATH_INFO"], {"username": "x" * 200}).status_code == 200


def test_without_permission_for_events_there_are_no_links(log_in: LogIn, thoas: User) -> None:
    response = change_page(log_in("testapp.view_user"), thoas)

    assert response.status_code == 200
    assert tools_of(response) == []


def test_an_unregistered_instance_has_no_links(browser: Client) -> None:
    assert tools_of(change_page(browser, StrangerFactory())) == []


def test_a_form_for_a_new_instance_has_no_links(browser: Client) -> None:
    assert tools_of(browser.get("/admin/testapp/package/add/")) == []


@pytest.fixture
def other_site() -> AdminSite:
    return AdminSite("other")


@pytest.mark.parametrize("with_events", [True, False])
def test_the_links_are_on_every_site_that_shows_events(
    rf: RequestFactory, superuser: User, other_site: AdminSite, with_events: bool
) -> None:
    class ArticleAdmin(ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
        pass

    other_site.register(Article, ArticleAdmin)
    if with_events:
        other_site.register(Event, EventAdmin)
    assert other_site.get_urls()
    request = rf.get("/")
    request.user = superuser

    response: Any = other_site.get_model_admin(Article).change_view(request, str(ArticleFactory().pk))

    assert ("sequere_resource" in response.context_data) is with_events


def test_a_model_may_be_registered_after_the_addresses_are_made(
    rf: RequestFactory, superuser: User, other_site: AdminSite
) -> None:
    other_site.register(Stranger)
    other_site.register(Event, EventAdmin)
    assert other_site.get_urls()
    stranger = StrangerFactory()
    request = rf.get("/")
    request.user = superuser

    def has_links() -> bool:
        response: Any = other_site.get_model_admin(Stranger).change_view(request, str(stranger.pk))
        return "sequere_resource" in response.context_data

    assert not has_links()
    sequere.register(Stranger)
    try:
        assert has_links()
    finally:
        sequere.unregister(Stranger)


def test_a_template_of_the_host_is_extended(browser: Client) -> None:
    text = text_of(change_page(browser, ArticleFactory()))

    assert "Followers Followings Events Our own link" in text


def relations(browser: Client, what: str, instance: Any, **parameters: str) -> Any:
    label = instance._meta.model_name
    return browser.get(f"{EVENTS}{what}/{label}/{instance.pk}/", parameters)


def test_pages_of_followers_lead_to_each_other(browser: Client, thoas: User) -> None:
    followers = [UserFactory(username=f"follower-{n:03}") for n in range(RELATIONS_PER_PAGE + 20)]
    for follower in followers:
        follow(follower, thoas)

    with at_most(16):
        first = relations(browser, "followers", thoas)
    second = browser.get(first.request["PATH_INFO"] + link(first, "Next page"))
    again = browser.get(first.request["PATH_INFO"] + link(second, "First page"))
    oldest = browser.get(first.request["PATH_INFO"] + link(second, "Oldest first"))

    shown = [[one.username for one in reversed(followers) if one.username in text_of(page)] for page in (first, second)]
    names = [one.username for one in reversed(followers)]
    assert shown == [names[:RELATIONS_PER_PAGE], names[RELATIONS_PER_PAGE:]]
    assert (
        f"Followers {RELATIONS_PER_PAGE + 20} Followings 0 Asked by 0 Has asked 0 Blocked 0 Blocked by 0 Muted 0 Events"
        in text_of(first)
    )
    assert text_of(again) == text_of(first)
    assert followers[0].username in text_of(oldest)
    assert "Newest first" in text_of(oldest)


def test_instances_hidden_by_their_model_are_counted(browser: Client, thoas: User) -> None:
    follow(thoas, ArticleFactory(is_hidden=False))
    hidden = ArticleFactory()
    follow(thoas, hidden)
    Article.everything.filter(pk=hidden.pk).update(is_hidden=True)

    text = text_of(relations(browser, "followings", thoas))

    assert "Followings 2" in text
    assert "1 more is hidden by its model." in text


@pytest.mark.parametrize(
    "url", ["followers/nothing/1/", "followers/user/x/", "friends/user/1/", "followers/user/99999999999999999999/"]
)
def test_an_unknown_page_is_not_found(browser: Client, url: str) -> None:
    assert browser.get(EVENTS + url).status_code == 404


def test_an_invalid_cursor_is_refused(browser: Client, thoas: User) -> None:
    assert relations(browser, "followers", thoas, cursor="made-up").status_code == 400


def test_a_deleted_instance_has_a_page(browser: Client, project: Project) -> None:
    pk = project.pk
    project.delete()

    response = browser.get(f"{EVENTS}followers/project/{pk}/")

    assert f"Followers of project:{pk}" in text_of(response)


def test_a_server_that_is_down_is_named(browser: Client, thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise ReadModelLost(server="Redis at somewhere", projection="follows")

    monkeypatch.setattr("sequere.api.count_relations", refuse)

    response = relations(browser, "followers", thoas)

    assert response.status_code == 200
    assert "Redis at somewhere does not hold the read model" in text_of(response)


def test_relations_at_the_end_of_a_day(browser: Client, thoas: User, newbie: User, project: Project) -> None:
    """And as a file. The log knows nothing of days before it began."""
    follow(newbie, thoas)
    follow(thoas, project)

    today, before = (text_of(relations(browser, "followers", thoas, as_of=day)) for day in ("2999-12-31", "2013-10-25"))
    file, empty = (
        b"".join(browser.get(f"{EVENTS}followers.csv/user/{thoas.pk}/?as_of={day}").streaming_content).decode()
        for day in ("2999-12-31", "2013-10-25")
    )

    assert ("Followers 1 Followings 1" in today, "newbie" in today) == (True, True)
    assert ("Followers 0 Followings 0" in before, "Nobody." in before) == (True, True)
    assert [line.split(",")[0] for line in file.splitlines()[1:]] == [f"user:{newbie.pk}"]
    assert len(empty.splitlines()) == 1
    assert "Enter a valid date." in text_of(relations(browser, "followers", thoas, as_of="x"))


def test_a_file_of_relations_needs_a_permission(log_in: LogIn, thoas: User) -> None:
    address = f"{EVENTS}followers.csv/user/{thoas.pk}/"

    assert log_in("sequere.view_event").get(address).status_code == 403
    assert "Export" not in text_of(relations(log_in("sequere.view_event"), "followers", thoas))
    assert log_in("sequere.view_event", "sequere.export_event").get(address).status_code == 200


def test_a_follower_is_removed_with_the_permission_alone(log_in: LogIn, thoas: User, project: Project) -> None:
    follow(thoas, project)
    page, form = f"{EVENTS}followers/project/{project.pk}/", {"follower": f"user:{thoas.pk}"}
    reader, moderator = log_in("sequere.view_event"), log_in("sequere.view_event", "sequere.remove_follower_event")

    refused = reader.post(page, form)
    offered = ['name="follower"' in browser.get(page).content.decode() for browser in (reader, moderator)]
    answers = [moderator.post(page, form, follow=True) for _ in range(2)]
    nonsense = [moderator.post(page, {"follower": "x"}), moderator.post(page.replace("followers", "blocked"), form)]

    assert (refused.status_code, offered) == (403, [False, True])
    assert ["was removed" in text_of(answers[0]), "not a follower any more" in text_of(answers[1])] == [True, True]
    event = Event.objects.latest("pk")
    assert (event.type, event.metadata["cause"]) == ("unfollowed", "removed")
    assert event.metadata["who"] != f"project:{project.pk}"
    assert [answer.status_code for answer in nonsense] == [404, 404]


def test_a_resource_is_suspended_with_the_permission_alone(log_in: LogIn, thoas: User, project: Project) -> None:
    follow(thoas, project)
    page = f"{EVENTS}followers/project/{project.pk}/"
    reader, moderator = log_in("sequere.view_event"), log_in("sequere.view_event", "sequere.suspend_event")

    refused = [reader.post(page, {"suspends": "1"}), moderator.post(page, {"follower": f"user:{thoas.pk}"})]
    offered = ['name="suspends"' in browser.get(page).content.decode() for browser in (reader, moderator)]
    told = [text_of(moderator.post(page, {"suspends": how}, follow=True)) for how in "1100"]

    assert ([answer.status_code for answer in refused], offered) == ([403, 403], [False, True])
    said = ["is suspended.", "was suspended already.", "is not suspended any more.", "was not suspended."]
    assert [words in text for words, text in zip(said, told, strict=True)] == [True] * 4
    assert (["Nobody." in one for one in told], is_suspended(project)) == ([True, True, False, False], False)
    suspended = Event.objects.of_type("suspended").get()
    assert suspended.metadata["who"] != f"project:{project.pk}"


def test_a_server_that_is_down_when_a_resource_is_suspended_is_named(
    browser: Client, thoas: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ReadModelLost(server="Redis at somewhere", projection="follows")

    monkeypatch.setattr("sequere.api.suspend", refuse)

    response = browser.post(f"{EVENTS}followers/user/{thoas.pk}/", {"suspends": "1"}, follow=True)

    assert "Redis at somewhere does not hold the read model" in text_of(response)


def test_requests_are_shown_and_denied_in_their_scope(
    log_in: LogIn, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SEQUERE_SCOPES = ["watch"]
    monkeypatch.setattr(UserSequere, "requires_approval", lambda *_: True)
    follow(newbie, thoas, scope="watch")
    moderator = log_in("sequere.view_event", "sequere.remove_follower_event", "testapp.view_user")
    page, form = f"{EVENTS}pending/user/{thoas.pk}/", {"follower": f"user:{newbie.pk}"}

    asked = {scope: text_of(moderator.get(page, {"scope": scope})) for scope in ("", "watch")}
    asking = text_of(relations(moderator, "pending_with", newbie, scope="watch"))
    denied = [text_of(moderator.post(f"{page}?scope=watch", form, follow=True)) for _ in range(2)]

    assert ("Nobody." in asked[""], "newbie" in asked["watch"], "thoas" in asking) == (True, True, True)
    assert ("was denied" in denied[0], "does not ask any more" in denied[1]) == (True, True)
    event = Event.objects.latest("pk")
    assert (event.type, event.data, event.scope) == ("request_closed", {"cause": "denied"}, "watch")
