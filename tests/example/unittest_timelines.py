"""The home page, the latest actions, and unread counts."""

from example_project.community.models import User
from example_project.community.sequere_registry import NoteAction
from sequere.contrib.timeline import Timeline
from tests.example.site import SiteTest


class Home(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def test_home_shows_the_actions_of_followed_users(self) -> None:
        content = self.get("/")

        assert ">thoas</a> likes <a" in content
        assert "1.0" not in content

    def test_an_empty_home_says_what_to_do(self) -> None:
        self.newbie.unfollow(self.thoas)

        content = self.get("/")

        assert "Nothing yet. Follow somebody" in content
        assert '<a href="/latest/">See what everybody does.</a>' in content
        assert "Worth following" in content

    def test_a_user_posts_a_note(self) -> None:
        response = self.client.post("/", {"text": "Il est fort ce George\n<b>"})

        assert (response.status_code, response.url) == (302, "/")
        assert "Il est fort ce George<br>&lt;b&gt;" in self.get("/")
        assert "Il est fort ce George" in self.get("/people/newbie/")

    def test_an_invalid_note_is_refused(self) -> None:
        for text in ("", "   ", "x" * 281):
            content = self.client.post("/", {"text": text}).content.decode()

            assert 'class="errorlist"' in content
        assert Timeline(self.newbie).get_public_count() == 0

    def test_followed_users_are_no_longer_suggested(self) -> None:
        george = User.objects.create_user("george", first_name="George", last_name="Abitbol")
        before = self.get("/")

        self.newbie.follow(george)

        assert ("George Abitbol" in before, "George Abitbol" in self.get("/")) == (True, False)

    def test_nobody_posts_without_an_account(self) -> None:
        self.client.logout()

        content = self.client.post("/", {"text": "Il est fort ce George"}).content.decode()

        assert "Follow what matters to you" in content


class Unread(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def test_a_badge_on_every_page_shows_the_unread_count(self) -> None:
        badges = [self.get(url) for url in ("/", "/latest/", "/people/thoas/", "/search/")]

        assert all("2 unread" in badge for badge in badges)

    def test_shown_actions_can_be_marked_as_read(self) -> None:
        until = self.shown_until()
        Timeline(self.thoas).save(NoteAction(actor=self.thoas, text="Il est fort ce George"))

        response = self.client.post("/read/", {"until": until})

        assert (response.status_code, response.url) == (302, "/")
        content = self.get("/")
        assert "1 unread" in content
        assert content.count('<li class="unread">') == 1

    def test_an_invalid_date_is_refused(self) -> None:
        codes = [self.client.post("/read/", {"until": until}).status_code for until in ("", "now", "2026-02-30T00:00")]

        assert codes == [400, 400, 400]

    def test_only_a_logged_in_user_marks_as_read(self) -> None:
        self.client.logout()

        assert self.client.post("/read/").url == "/login/?next=/read/"
        assert self.client.get("/read/").status_code == 302

    def shown_until(self) -> str:
        return self.get("/").partition('name="until" value="')[2].partition('"')[0]


class Json(SiteTest):
    def test_timelines_and_followers_are_available_as_json(self) -> None:
        Timeline(self.thoas).save(NoteAction(actor=self.thoas, text="Il est fort ce George"))

        timeline = self.client.get(f"/sequere/user/{self.thoas.pk}/timeline/").json()
        followers = self.client.get(f"/sequere/user/{self.thoas.pk}/followers/").json()

        assert "Il est fort ce George" in str(timeline)
        assert "/people/newbie/" in str(followers)

    def test_a_private_timeline_is_for_its_owner(self) -> None:
        assert self.client.get(f"/sequere/user/{self.thoas.pk}/timeline/private/").status_code == 403


class Latest(SiteTest):
    def test_latest_shows_the_actions_of_everybody(self) -> None:
        content = self.get("/latest/")

        assert ">thoas</a> joined" in content
        assert ">La classe americaine</a> released <b>1.0</b>" in content

    def test_latest_is_shown_to_anonymous_visitors(self) -> None:
        content = self.get("/")

        assert ">thoas</a> joined" in content
        assert "Sign up" in content

    def test_direct_actions_are_not_in_latest(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            Timeline(self.newbie).save(NoteAction(actor=self.thoas, text="for your eyes only"))

        assert "for your eyes only" not in self.get("/latest/")

    def test_deleted_actions_are_not_in_latest(self) -> None:
        (action,) = Timeline(self.thoas).get_public(action="join")

        Timeline(self.thoas).delete(action)

        assert "joined" not in self.get("/latest/")
