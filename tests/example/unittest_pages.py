"""The pages and their queries: the same number for a full page as for a short one."""

import re

from django.contrib.sites.models import Site
from django.test import override_settings
from django.urls import reverse

from example_project.community.models import Project, User
from tests.example.site import FullSiteTest, SiteTest, next_page


def names_on(page: str) -> list[str]:
    return re.findall('class="name" href="([^"]+)"', page)


class Costs(FullSiteTest):
    """A logged-in user costs 3 more queries, for session, user and unread count, and 1 for each list of buttons; 2 with
    people in it, since some accept who follows them."""

    def test_the_welcome(self) -> None:
        self.get("/", queries=4)

    def test_home(self) -> None:
        self.client.force_login(self.thoas)

        self.get("/", queries=13)

    def test_the_second_page_of_home(self) -> None:
        self.client.force_login(self.thoas)

        self.get("/" + next_page(self.get("/")), queries=13)

    def test_latest(self) -> None:
        self.get("/latest/", queries=3)

    def test_the_projects(self) -> None:
        self.get("/projects/", queries=5)

    def test_the_projects_for_a_logged_in_user(self) -> None:
        self.client.force_login(self.thoas)

        self.get("/projects/", queries=9)

    def test_a_project(self) -> None:
        self.get(self.project.get_absolute_url(), queries=7)

    def test_a_project_for_a_user_who_likes_it(self) -> None:
        self.client.force_login(self.thoas)

        self.get(self.project.get_absolute_url(), queries=14)

    def test_a_person(self) -> None:
        self.get(self.thoas.get_absolute_url(), queries=6)

    def test_a_person_for_a_logged_in_user(self) -> None:
        self.client.force_login(self.newbie)

        self.get(self.thoas.get_absolute_url(), queries=12)

    def test_followers(self) -> None:
        self.get(reverse("project-followers", args=[self.project.pk]), queries=6)

    def test_followers_for_a_logged_in_user(self) -> None:
        self.client.force_login(self.newbie)

        self.get(reverse("person-followers", args=["thoas"]), queries=14)

    def test_a_search(self) -> None:
        self.get("/search/?q=e", queries=2)

    def test_a_search_for_a_logged_in_user(self) -> None:
        self.client.force_login(self.newbie)

        self.get("/search/?q=e", queries=10)


class Profiles(SiteTest):
    def test_a_profile_shows_the_actions_of_its_user_and_not_their_home(self) -> None:
        content = self.get(self.newbie.get_absolute_url())

        assert "Nothing has happened here yet." in content
        assert "joined" not in content

    def test_a_deleted_target_is_called_deleted(self) -> None:
        self.project.delete()

        assert "something that was deleted" in self.get(self.thoas.get_absolute_url())

    def test_every_list_says_when_it_is_empty(self) -> None:
        stranger = User.objects.create_user("stranger", first_name="George", last_name="Abitbol")

        contents = [
            self.get(f"{stranger.get_absolute_url()}{which}/") for which in ("followers", "followings", "friends")
        ]

        assert "Nobody follows George Abitbol yet." in contents[0]
        assert "George Abitbol follows nobody yet." in contents[1]
        assert "George Abitbol has no friends yet" in contents[2]

    def test_the_lists_of_followers_and_followings_are_not_mixed_up(self) -> None:
        followers = self.get("/people/thoas/followers/")
        followings = self.get("/people/thoas/followings/")

        assert ('href="/people/newbie/">newbie' in followers, "La classe" in followers) == (True, False)
        assert ('href="/people/newbie/">newbie' in followings, "La classe" in followings) == (False, True)

    def test_an_inactive_user_is_not_shown(self) -> None:
        User.objects.filter(pk=self.newbie.pk).update(is_active=False)

        self.get("/people/newbie/", status=404)
        assert "newbie" not in self.get("/people/thoas/followers/")

    def test_names_are_text(self) -> None:
        evil = '"><script>alert(1)</script>'
        Project.objects.create(name=evil, about=evil, owner=self.thoas)
        User.objects.filter(pk=self.newbie.pk).update(first_name=evil, about=evil)

        pages = ["/people/thoas/followers/", "/people/newbie/", "/search/?q=script", f"/search/?q={evil}"]

        assert [page for page in pages if "<script>alert" in self.get(page)] == []


class Pages(FullSiteTest):
    def test_a_profile_has_counts(self) -> None:
        content = self.get(self.thoas.get_absolute_url())

        shown = [f"{name} <b>{number}</b>" for name, number in (("Followers", 51), ("Follows", 51), ("Friends", 50))]
        assert [text for text in shown if text not in content] == []

    def test_pages_of_followers_repeat_nobody_and_omit_nobody(self) -> None:
        pages = self.walk("/people/thoas/followers/")

        names = [name for page in pages for name in names_on(page)]
        assert len(pages) == 3
        assert len(names) == len(set(names)) == 51

    def test_pages_of_a_timeline_repeat_nothing_and_omit_nothing(self) -> None:
        pages = self.walk("/people/thoas/")

        notes = [note for page in pages for note in re.findall("<blockquote>(.*)!<", page)]
        assert notes == [f"user{number:02}" for number in reversed(range(25))]

    def test_a_new_follower_does_not_shift_later_pages(self) -> None:
        first = self.get("/people/thoas/followers/")
        url = "/people/thoas/followers/" + next_page(first)
        before = names_on(self.get(url))

        User.objects.create_user("late").follow(self.thoas)

        assert names_on(self.get(url)) == before

    def test_an_invalid_cursor_is_a_bad_request(self) -> None:
        self.get("/people/thoas/followers/?older=made-up", status=400)

    def test_there_is_a_way_back_to_the_newest(self) -> None:
        url = "/latest/" + next_page(self.get("/latest/"))

        assert '<a href="/latest/">Newest</a>' in self.get(url)


class Errors(SiteTest):
    def test_not_found_is_a_page_of_the_site(self) -> None:
        urls = ["/projects/0/", f"/projects/{10**22}/", "/people/nobody/", "/people/nobody/followers/", "/nothing/"]

        contents = [self.get(url, status=404) for url in urls]

        assert all("Nothing is here" in content for content in contents)

    def test_forbidden_is_a_page_of_the_site(self) -> None:
        self.client.force_login(self.newbie)

        assert "This is not yours" in self.get(reverse("edit-project", args=[self.project.pk]), status=403)

    def test_a_plain_page_is_left_when_everything_fails(self) -> None:
        self.client.raise_request_exception = False

        with override_settings(ROOT_URLCONF="tests.example.broken_urls"):
            content = self.get("/", status=500)

        assert "Something went wrong" in content

    def test_a_page_does_not_accept_post(self) -> None:
        codes = [self.client.post(url).status_code for url in ("/latest/", "/projects/", "/people/thoas/", "/search/")]

        assert codes == [405, 405, 405, 405]


class Admin(SiteTest):
    def test_the_admin_works(self) -> None:
        self.client.force_login(User.objects.create_superuser("admin"))

        for url in ("/admin/", "/admin/community/project/?q=classe", "/admin/community/user/"):
            self.get(url)

    def test_the_site_itself_cannot_be_followed(self) -> None:
        self.client.force_login(self.newbie)
        form = {"identifier": "site", "object_id": Site.objects.get().pk}

        response = self.client.post(reverse("sequere:follow"), form)

        assert response.status_code == 403
