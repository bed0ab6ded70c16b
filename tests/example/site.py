"""A small site for the tests of its pages. Django's own runner runs them under the settings of the example."""

from html import unescape
from typing import Any

from django.db import connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from example_project.community.models import Project, User
from example_project.community.sequere_registry import JoinAction, LikeAction, NoteAction, ReleaseAction
from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])  # the fastest one
class SiteTest(TestCase):
    """thoas owns and follows a project, newbie follows thoas, and each timeline has entries."""

    thoas: User
    newbie: User
    project: Project

    @classmethod
    def setUpTestData(cls) -> None:
        cls.thoas = User.objects.create_user("thoas")
        cls.newbie = User.objects.create_user("newbie")
        cls.project = Project.objects.create(name="La classe americaine", owner=cls.thoas)
        follow(cls.thoas, cls.project)
        follow(cls.newbie, cls.thoas)
        with cls.captureOnCommitCallbacks(execute=True):
            Timeline(cls.thoas).save(JoinAction(actor=cls.thoas))
            Timeline(cls.thoas).save(LikeAction(actor=cls.thoas, target=cls.project))
            Timeline(cls.project).save(ReleaseAction(actor=cls.project, version="1.0"))

    def get(self, url: str, *, queries: int | None = None, status: int = 200, **options: Any) -> str:
        with CaptureQueriesContext(connection) as captured:
            response = self.client.get(url, **options)
        assert response.status_code == status, response.status_code
        sent = [query["sql"] for query in captured]
        assert queries in {None, len(sent)}, "\n".join([f"{len(sent)} queries:", *sent])
        content: str = response.content.decode()
        return content

    def walk(self, path: str, query: str = "") -> list[str]:
        """All pages, from first to last."""
        contents = [self.get(path + query)]
        while query := next_page(contents[-1]):
            contents.append(self.get(path + query))
        return contents


class FullSiteTest(SiteTest):
    """With more of everything than fits on a page."""

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        people = User.objects.bulk_create(User(username=f"user{number:02}") for number in range(25))
        projects = Project.objects.bulk_create(Project(name=f"project {number:02}") for number in range(25))
        everybody = [*people, *projects]
        follow_many((one, other) for one in everybody for other in (cls.thoas, cls.project))
        follow_many((cls.thoas, one) for one in everybody)
        with cls.captureOnCommitCallbacks(execute=True):
            for person, project in zip(people, projects, strict=True):
                Timeline(person).save(LikeAction(actor=person, target=project))
                Timeline(cls.thoas).save(NoteAction(actor=cls.thoas, text=f"{person}!"))
                Timeline(cls.project).save(ReleaseAction(actor=cls.project, version=f"2.{project.pk}"))


def next_page(content: str) -> str:
    """The link to the next page, if there is one."""
    return unescape(content.partition('rel="next" href="')[2].partition('"')[0])
