"""The pages of the example's site. Run by Django's own runner, under the settings of the example."""

from django.test import TestCase
from django.urls import reverse

from example_project.community.models import Project, User
from example_project.community.sequere_registry import ReleaseAction
from sequere.contrib.timeline import Timeline
from sequere.models import follow, is_following


class SiteTest(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.thoas = User.objects.create_user("thoas", password="thoas")
        cls.libc6 = Project.objects.create(name="libc6")
        for number in range(30):
            follow(Project.objects.create(name=f"package {number}"), cls.libc6)
        Timeline(cls.libc6).save(ReleaseAction(actor=cls.libc6, version="2.36-9"))

    def test_everybody_sees_the_pages(self) -> None:
        for url in (
            "/",
            self.libc6.get_absolute_url(),
            self.thoas.get_absolute_url(),
            reverse("login"),
            "/admin/login/",
        ):
            self.assertEqual(self.client.get(url).status_code, 200, url)

    def test_a_page_of_many_costs_no_query_each(self) -> None:
        self.client.force_login(self.thoas)

        with self.assertNumQueries(9):
            page = self.client.get(self.libc6.get_absolute_url())

        self.assertContains(page, "package 29")
        self.assertNotContains(page, "package 1<")

    def test_who_is_logged_in_follows_and_sees_the_release(self) -> None:
        self.client.force_login(self.thoas)

        answer = self.client.post(f"/follow/project/{self.libc6.pk}/", {"next": "/"})

        self.assertRedirects(answer, "/")
        self.assertTrue(is_following(self.thoas, self.libc6))
        self.assertContains(self.client.get(self.thoas.get_absolute_url()), "2.36-9")
        self.client.post(f"/unfollow/project/{self.libc6.pk}/")
        self.assertFalse(is_following(self.thoas, self.libc6))

    def test_who_is_not_is_asked_to_log_in(self) -> None:
        answer = self.client.post(f"/follow/project/{self.libc6.pk}/")

        self.assertIn("/login/", answer.url)

    def test_nobody_is_sent_to_another_site(self) -> None:
        """V1: the address to go back to is one of ours."""
        self.client.force_login(self.thoas)

        answer = self.client.post(f"/follow/project/{self.libc6.pk}/", {"next": "https://evil.example/"})

        self.assertRedirects(answer, self.libc6.get_absolute_url())

    def test_odd_requests_are_not_found(self) -> None:
        """V2, V3, V4, V5: neither a server error nor a page of something else."""
        self.client.force_login(self.thoas)
        for path in (f"project/{10**22}", "project/seven", "usr/1", "project/404"):
            self.assertEqual(self.client.post(f"/follow/{path}/").status_code, 404, path)
        self.assertEqual(self.client.post("/follow/anything/").status_code, 404)
        self.assertEqual(self.client.get(f"/follow/project/{self.libc6.pk}/").status_code, 405)
        for _ in range(2):
            self.assertEqual(self.client.post(f"/follow/project/{self.libc6.pk}/").status_code, 302)
        self.assertEqual(self.client.post(f"/follow/user/{self.thoas.pk}/").status_code, 302)
