"""Start a project, like it, and release it."""

from typing import Any

from django.urls import reverse

from example_project.community.likes import likes
from example_project.community.models import Project
from sequere.contrib.timeline import Timeline
from sequere.models import is_following
from tests.example.site import SiteTest


class Owner(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.thoas)

    def post(self, view: str, *args: Any, **form: str) -> Any:
        return self.client.post(reverse(view, args=args), form)

    def test_the_user_who_starts_a_project_owns_and_follows_it(self) -> None:
        response = self.post("start-project", name="Le Grand Détournement", about="A film.")

        project = Project.objects.get(name="Le Grand Détournement")
        assert response.url == project.get_absolute_url()
        assert (project.owner, project.about) == (self.thoas, "A film.")
        assert is_following(self.thoas, project)
        assert ">thoas</a> started <a" in self.get("/people/thoas/")

    def test_a_name_is_taken_once(self) -> None:
        content = self.post("start-project", name="La classe americaine").content.decode()

        assert "Project with this Name already exists." in content

    def test_followers_see_a_release_at_home(self) -> None:
        self.newbie.follow(self.project)

        response = self.post("release", self.project.pk, version="2.0", text="Il est fort ce George")

        assert response.url == self.project.get_absolute_url()
        self.client.force_login(self.newbie)
        content = self.get("/")
        assert ">La classe americaine</a> released <b>2.0</b>" in content
        assert "Il est fort ce George" in content

    def test_a_release_has_a_version(self) -> None:
        content = self.post("release", self.project.pk, version="").content.decode()

        assert "This field is required." in content

    def test_a_renamed_project_keeps_its_followers(self) -> None:
        response = self.post("edit-project", self.project.pk, name="La classe")

        assert response.url == self.project.get_absolute_url()
        assert "Followers <b>1</b>" in self.get(response.url)

    def test_only_the_owner_edits_or_releases_a_project(self) -> None:
        urls = [reverse(name, args=[self.project.pk]) for name in ("edit-project", "release")]
        form = {"name": "taken over", "version": "6.66"}

        self.client.force_login(self.newbie)
        refused = [self.client.post(url, form).status_code for url in urls]
        self.client.logout()
        asked = [self.client.post(url, form).url for url in urls]

        assert refused == [403, 403]
        assert asked == [f"/login/?next={url}" for url in urls]
        self.project.refresh_from_db()
        assert self.project.name == "La classe americaine"
        assert Timeline(self.project).get_public_count() == 1


class Likes(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def press(self, *names: str) -> None:
        for name in names:
            response = self.client.post(reverse(name, args=[self.project.pk]))
            assert response.url == self.project.get_absolute_url()

    def test_a_like_is_counted_and_shown(self) -> None:
        self.press("like")

        content = self.get(self.project.get_absolute_url())
        assert 'aria-pressed="true"' in content
        assert "Like <b>1</b>" in content
        assert ">newbie</a> likes <a" in self.get("/people/newbie/")

    def test_a_user_likes_a_project_once(self) -> None:
        self.press("like", "like")

        assert "Like <b>1</b>" in self.get(self.project.get_absolute_url())

    def test_a_like_can_be_taken_back(self) -> None:
        self.press("like", "unlike", "unlike")

        assert not likes(self.newbie, self.project)
        assert "Like <b>0</b>" in self.get(self.project.get_absolute_url())
        assert "likes" not in self.get("/people/newbie/")

    def test_a_like_can_be_given_again(self) -> None:
        self.press("like", "unlike", "like")

        assert likes(self.newbie, self.project)

    def test_a_link_likes_nothing(self) -> None:
        assert self.client.get(reverse("like", args=[self.project.pk])).status_code == 405

    def test_an_anonymous_visitor_is_asked_to_log_in(self) -> None:
        self.client.logout()

        assert self.client.post(reverse("like", args=[self.project.pk])).url.startswith("/login/")
