"""The pages of the example's site, with their queries: as many for a full page as for a short one.

Run by Django's own runner, under the settings of the example.
"""

from typing import Any

from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from example_project.community.models import Project, User
from example_project.community.sequere_registry import JoinAction, LikeAction, ReleaseAction
from sequere.contrib.timeline import Timeline
from sequere.models import Event, follow, follow_many, is_following

EVIL = "https://evil.example/"


class PageTest(TestCase):
    """thoas follows a project, newbie follows thoas, and there is something in each timeline."""

    def setUp(self) -> None:
        self.project = Project.objects.create(name="La classe americaine")
        self.thoas = User.objects.create_user("thoas")
        self.newbie = User.objects.create_user("newbie")
        follow(self.thoas, self.project)
        follow(self.newbie, self.thoas)
        Timeline(self.thoas).save(JoinAction(actor=self.thoas))
        Timeline(self.thoas).save(LikeAction(actor=self.thoas, target=self.project))
        Timeline(self.project).save(ReleaseAction(actor=self.project, version="1.0"))

    def grow(self) -> None:
        """Let there be more of everything than a page shows."""
        people = User.objects.bulk_create(User(username=f"user{n}") for n in range(25))
        projects = Project.objects.bulk_create(Project(name=f"project {n}") for n in range(25))
        follow_many((one, self.project) for one in [*people, *projects])
        follow_many((self.thoas, one) for one in [*people, *projects])
        for person, project in zip(people, projects, strict=True):
            Timeline(person).save(LikeAction(actor=person, target=project))
            Timeline(project).save(ReleaseAction(actor=project, version="2.0"))

    def get(self, url: str, *, queries: int) -> str:
        with CaptureQueriesContext(connection) as captured:
            response = self.client.get(url)
        assert response.status_code == 200, response.status_code
        sent = [query["sql"] for query in captured]
        assert len(sent) == queries, "\n".join([f"{len(sent)} queries:", *sent])
        return response.content.decode()

    def post(self, verb: str, instance: Project | User, next_url: str = "", **options: Any) -> Any:
        identifier = "project" if isinstance(instance, Project) else "user"
        url = reverse(verb, args=[identifier, instance.pk])
        return self.client.post(url, {"next": next_url}, **options)


class PublicPages(PageTest):
    def test_home_shows_the_most_followed(self) -> None:
        content = self.get("/", queries=5)

        assert "La classe americaine" in content
        assert "1 follower<" in content
        assert "<button" not in content

    def test_home_costs_the_same_with_many_projects(self) -> None:
        self.grow()

        self.get("/", queries=5)

    def test_home_of_an_empty_site_says_how_to_fill_it(self) -> None:
        Project.objects.all().delete()

        content = self.get("/", queries=4)

        assert "make demo" in content

    def test_a_project_shows_its_followers_and_its_public_timeline(self) -> None:
        content = self.get(self.project.get_absolute_url(), queries=6)

        assert "1 follower<" in content
        assert '<a href="/people/thoas/">thoas</a>' in content
        assert "1.0" in content

    def test_the_followers_of_a_project_come_in_pages(self) -> None:
        self.grow()
        url = self.project.get_absolute_url()

        first, last, beyond = (self.get(f"{url}?page={page}", queries=6) for page in (1, 3, 99))

        assert "Page 1 of 3" in first
        assert 'href="?page=2"' in first
        assert ">thoas<" not in first
        assert "Page 3 of 3" in last
        assert ">thoas<" in last
        assert "Page 3 of 3" in beyond

    def test_a_page_of_people_and_projects_costs_one_query_more(self) -> None:
        self.grow()

        content = self.get(f"{self.project.get_absolute_url()}?page=2", queries=7)

        assert ">project 0<" in content
        assert ">user24<" in content

    def test_a_person_shows_followings_and_the_public_timeline_only(self) -> None:
        content = self.get(self.thoas.get_absolute_url(), queries=7)

        assert "La classe americaine" in content
        assert "Public timeline" in content
        assert "Private timeline" not in content

    def test_a_deleted_target_is_told(self) -> None:
        self.project.delete()

        content = self.get(self.thoas.get_absolute_url(), queries=5)

        assert "something that was deleted" in content

    def test_an_unknown_project_or_person_is_not_found(self) -> None:
        urls = ["/projects/0/", f"/projects/{10**22}/", "/people/nobody/"]

        codes = [self.client.get(url).status_code for url in urls]

        assert codes == [404, 404, 404]

    def test_the_admin_is_on(self) -> None:
        self.client.force_login(User.objects.create_superuser("admin"))
        urls = ["/admin/", "/admin/community/project/?q=classe", "/admin/community/user/"]

        codes = [self.client.get(url).status_code for url in urls]

        assert codes == [200, 200, 200]


class PagesOfWhoIsLoggedIn(PageTest):
    """2 queries more, for the session and the user, and 1 for all buttons of a page."""

    def test_home_has_a_button_for_each_project(self) -> None:
        self.client.force_login(self.newbie)
        self.grow()

        content = self.get("/", queries=8)

        assert content.count("Follow</button>") == 20

    def test_a_project_has_buttons(self) -> None:
        self.client.force_login(self.thoas)
        self.grow()

        content = self.get(self.project.get_absolute_url(), queries=9)

        assert 'aria-label="Unfollow La classe americaine"' in content
        assert content.count("Unfollow</button>") == 21

    def test_there_is_no_button_for_oneself(self) -> None:
        self.client.force_login(self.thoas)

        content = self.get(self.project.get_absolute_url(), queries=9)

        assert ">thoas<" in content
        assert "follow/user/" not in content

    def test_one_sees_ones_own_private_timeline(self) -> None:
        self.client.force_login(self.newbie)

        content = self.get(self.newbie.get_absolute_url(), queries=11)

        assert "Private timeline" in content
        assert "like" in content

    def test_ones_own_page_costs_the_same_with_full_timelines(self) -> None:
        self.client.force_login(self.thoas)

        self.get(self.thoas.get_absolute_url(), queries=13)
        self.grow()
        self.get(self.thoas.get_absolute_url(), queries=13)

    def test_nobody_else_sees_a_private_timeline(self) -> None:
        self.client.force_login(self.newbie)

        content = self.get(self.thoas.get_absolute_url(), queries=10)

        assert "Private timeline" not in content


class Buttons(PageTest):
    def test_it_follows_and_leads_back(self) -> None:
        self.client.force_login(self.newbie)

        response = self.post("follow", self.project, "/?page=1", follow=True)

        assert response.redirect_chain == [("/?page=1", 302)]
        assert "You follow La classe americaine now." in response.content.decode()
        assert is_following(self.newbie, self.project)

    def test_who_follows_sees_at_once_what_was_published_before(self) -> None:
        self.client.force_login(self.newbie)

        self.post("follow", self.project)

        assert "1.0" in self.client.get(self.newbie.get_absolute_url()).content.decode()

    def test_it_unfollows(self) -> None:
        self.client.force_login(self.thoas)

        response = self.post("unfollow", self.project, "/", follow=True)

        assert "You do not follow La classe americaine any more." in response.content.decode()
        assert not is_following(self.thoas, self.project)

    def test_the_log_says_who_pressed_it(self) -> None:
        self.client.force_login(self.newbie)

        self.post("follow", self.project)

        metadata = Event.objects.latest("id").metadata
        assert metadata["who"] == f"user:{self.newbie.pk}"
        assert metadata["request"] == f"/follow/project/{self.project.pk}/"

    def test_a_second_press_changes_nothing(self) -> None:
        """V2: neither a double follow nor a stray unfollow is an error."""
        self.client.force_login(self.newbie)
        verbs = ("unfollow", "follow", "follow", "unfollow", "unfollow")

        codes = [self.post(verb, self.project).status_code for verb in verbs]

        assert codes == [302, 302, 302, 302, 302]
        assert self.project.get_followers_count() == 1

    def test_nobody_follows_himself(self) -> None:
        self.client.force_login(self.thoas)

        response = self.post("follow", self.thoas, follow=True)

        assert "thoas cannot follow itself." in response.content.decode()

    def test_it_leads_back_to_this_site_only(self) -> None:
        """V1: no open redirect."""
        self.client.force_login(self.newbie)
        hostile = [EVIL, "//evil.example/", "https:evil.example", "javascript:alert(1)", r"\\evil.example", ""]

        addresses = {self.post("follow", self.project, address).url for address in hostile}

        assert addresses == {self.project.get_absolute_url()}

    def test_who_is_not_logged_in_is_asked_to(self) -> None:
        response = self.post("follow", self.project, "/")

        assert response.url == "/login/?next=/"
        assert self.client.get(response.url).status_code == 200
        assert self.project.get_followers_count() == 1

    def test_a_link_cannot_follow(self) -> None:
        self.client.force_login(self.newbie)

        response = self.client.get(reverse("follow", args=["project", self.project.pk]))

        assert response.status_code == 405

    def test_another_site_cannot_press_it(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(self.newbie)

        response = self.post("follow", self.project)

        assert response.status_code == 403
        assert not is_following(self.newbie, self.project)

    def test_what_is_not_there_is_not_found(self) -> None:
        """V3, V4, V5: no server error, and no address that means something else."""
        self.client.force_login(self.newbie)
        paths = ["project/0", f"project/{10**22}", "project/seven", "stranger/1", "anything"]

        codes = [self.client.post(f"/follow/{path}/").status_code for path in paths]

        assert codes == [404, 404, 404, 404, 404]


class Login(PageTest):
    def setUp(self) -> None:
        super().setUp()
        self.newbie.set_password("secret")
        self.newbie.save()

    def log_in(self, address: str) -> Any:
        return self.client.post("/login/", {"username": "newbie", "password": "secret", "next": address})

    def test_it_leads_to_where_one_wanted_to_go(self) -> None:
        response = self.log_in("/people/thoas/")

        assert response.url == "/people/thoas/"
        assert "Log out" in self.client.get("/").content.decode()

    def test_it_leads_to_this_site_only(self) -> None:
        response = self.log_in(EVIL)

        assert response.url == "/"

    def test_one_can_leave(self) -> None:
        self.log_in("/")

        response = self.client.post("/logout/", follow=True)

        assert "Log in" in response.content.decode()
