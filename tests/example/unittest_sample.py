"""manage.py sample: a site that looks lived-in."""

from io import StringIO

from django.core.management import call_command

from example_project.community.models import Project, User
from sequere.contrib.timeline import Timeline
from sequere.models import Event
from tests.example.site import SiteTest


class Sample(SiteTest):
    said: str

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.said = cls.fill()

    @classmethod
    def fill(cls) -> str:
        output = StringIO()
        with cls.captureOnCommitCallbacks(execute=True):
            call_command("sample", stdout=output)
        return output.getvalue()

    def test_the_sample_fills_the_site_and_says_how_to_log_in(self) -> None:
        assert self.said == "There is a superuser: demo, with the password demo.\n"
        assert self.client.login(username="demo", password="demo")
        home, latest = self.get("/"), self.get("/latest/")
        assert "unread</span>" in home
        assert "Hello, everybody!" in latest
        assert 'rel="next"' in latest

    def test_a_second_run_changes_nothing(self) -> None:
        before = self.everything()

        self.fill()

        assert self.everything() == before

    def test_existing_users_and_projects_are_not_changed(self) -> None:
        self.newbie.refresh_from_db()
        assert (self.newbie.get_full_name(), self.newbie.has_usable_password()) == ("", False)
        assert Project.objects.get(name="La classe americaine") == self.project

    def test_all_actions_are_in_the_past(self) -> None:
        demo = User.objects.get(username="demo")
        dates = [action.date for action in Timeline(demo).get_private()]
        assert dates == sorted(dates, reverse=True)
        assert 0 < Timeline(demo).get_unread_count() < 20

    def everything(self) -> list[int]:
        return [model.objects.count() for model in (User, Project, Event)]
