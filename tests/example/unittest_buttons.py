"""The follow buttons of Sequere on the site."""

from typing import Any

from django.test import Client
from django.urls import reverse

from example_project.community.models import Project, User
from sequere.models import Event, is_following
from tests.example.site import SiteTest


class Buttons(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def press(self, verb: str, instance: Project | User, next_url: str = "/", **options: Any) -> Any:
        identifier = "project" if isinstance(instance, Project) else "user"
        form = {"identifier": identifier, "object_id": instance.pk, "next": next_url}
        return self.client.post(reverse(f"sequere:{verb}"), form, **options)

    def test_a_button_follows_and_leads_back(self) -> None:
        response = self.press("follow", self.project, "/projects/?x=1", follow=True)

        assert response.redirect_chain == [("/projects/?x=1", 302)]
        assert 'aria-label="Following La classe americaine: unfollow"' in response.content.decode()
        assert is_following(self.newbie, self.project)

    def test_a_new_follower_sees_earlier_actions_at_once(self) -> None:
        self.press("follow", self.project)

        assert "1.0" in self.get("/")

    def test_a_button_unfollows(self) -> None:
        self.press("unfollow", self.thoas)

        assert "likes" not in self.get("/")

    def test_the_log_says_who_pressed_a_button(self) -> None:
        self.press("follow", self.project)

        metadata = Event.objects.latest("id").metadata
        assert metadata["who"] == f"user:{self.newbie.pk}"
        assert metadata["request"] == "/sequere/follow/"

    def test_a_button_leads_back_only_to_this_site(self) -> None:
        assert self.press("follow", self.project, "https://evil.example/").url == self.project.get_absolute_url()

    def test_htmx_replaces_the_page(self) -> None:
        button = self.get(self.project.get_absolute_url())

        assert 'class="follow" method="post" action="/sequere/follow/" hx-boost="true"' in button
        assert f'id="follow-project-{self.project.pk}"' in button

    def test_an_anonymous_visitor_is_asked_to_log_in(self) -> None:
        self.client.logout()

        content = self.get(self.project.get_absolute_url())
        response = self.press("follow", self.project)

        assert ('action="/sequere/follow/"' in content, "hx-boost" in content) == (True, False)
        assert response.url == "/login/?next=/"

    def test_there_is_no_button_for_oneself(self) -> None:
        assert "/sequere/" not in self.get("/people/newbie/")

    def test_another_site_cannot_press_a_button(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(self.newbie)

        response = self.press("follow", self.project)

        assert response.status_code == 403
        assert "That came from nowhere" in response.content.decode()
        assert not is_following(self.newbie, self.project)
