"""Home, what everybody does, and what is unread."""

from example_project.community.models import User
from example_project.community.sequere_registry import NoteAction
from sequere.contrib.timeline import Timeline
from tests.example.site import SiteTest


class Home(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def test_it_shows_what_those_whom_one_follows_did(self) -> None:
        content = self.get("/")

        assert ">thoas</a> likes <a" in content
        assert "1.0" not in content

    def test_it_says_what_to_do_when_it_is_empty(self) -> None:
        self.newbie.unfollow(self.thoas)

        content = self.get("/")

        assert "Nothing yet. Follow somebody" in content
        assert '<a href="/latest/">See what everybody does.</a>' in content
        assert "Worth following" in content

    def test_one_can_say_something(self) -> None:
        response = self.client.post("/", {"text": "Il est fort ce George\n<b>"})

        assert (response.status_code, response.url) == (302, "/")
        assert "Il est fort ce George<br>&lt;b&gt;" in self.get("/")
        assert "Il est fort ce George" in self.get("/people/newbie/")

    def test_nothing_is_nothing_to_say(self) -> None:
        for text in ("", "   ", "x" * 281):
            content = self.client.post("/", {"text": text}).content.decode()

            assert 'class="errorlist"' in content
        assert Timeline(self.newbie).get_public_count() == 0

    def test_who_is_followed_is_suggested_no_longer(self) -> None:
        george = User.objects.create_user("george", first_name="George", last_name="Abitbol")
        before = self.get("/")

        self.newbie.follow(george)

        assert ("George Abitbol" in before, "George Abitbol" in self.get("/")) == (True, False)

    def test_nobody_says_anything_without_an_account(self) -> None:
        self.client.logout()

        content = self.client.post("/", {"text": "Il est fort ce George"}).content.decode()

        assert "Follow what matters to you" in content


class Unread(SiteTest):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.newbie)

    def test_a_badge_tells_on_every_page_how_much_is_unread(self) -> None:
        badges = [self.get(url) for url in ("/", "/latest/", "/people/thoas/", "/search/")]

        assert all("2 unread" in badge for badge in badges)

    def test_what_was_shown_can_be_marked_as_read(self) -> None:
        until = self.shown_until()
        Timeline(self.thoas).save(NoteAction(actor=self.thoas, text="Il est fort ce George"))

        response = self.client.post("/read/", {"until": until})

        assert (response.status_code, response.url) == (302, "/")
        content = self.get("/")
        assert "1 unread" in content
        assert content.count('<li class="unread">') == 1

    def test_what_is_no_date_is_refused(self) -> None:
        codes = [self.client.post("/read/", {"until": until}).status_code for until in ("", "now", "2026-02-30T00:00")]

        assert codes == [400, 400, 400]

    def test_it_is_asked_who_reads(self) -> None:
        self.client.logout()

        assert self.client.post("/read/").url == "/login/?next=/read/"
        assert self.client.get("/read/").status_code == 302

    def shown_until(self) -> str:
        return self.get("/").partition('name="until" value="')[2].partition('"')[0]


class Json(SiteTest):
    def test_timelines_and_followers_are_there_for_programs(self) -> None:
        Timeline(self.thoas).save(NoteAction(actor=self.thoas, text="Il est fort ce George"))

        timeline = self.client.get(f"/sequere/user/{self.thoas.pk}/timeline/").json()
        followers = self.client.get(f"/sequere/user/{self.thoas.pk}/followers/").json()

        assert "Il est fort ce George" in str(timeline)
        assert "/people/newbie/" in str(followers)

    def test_a_private_timeline_is_for_its_owner(self) -> None:
        assert self.client.get(f"/sequere/user/{self.thoas.pk}/timeline/private/").status_code == 403


class Latest(SiteTest):
    def test_it_shows_what_everybody_does(self) -> None:
        content = self.get("/latest/")

        assert ">thoas</a> joined" in content
        assert ">La classe americaine</a> released <b>1.0</b>" in content

    def test_it_is_there_for_strangers_as_well(self) -> None:
        content = self.get("/")

        assert ">thoas</a> joined" in content
        assert "Sign up" in content

    def test_what_is_told_to_somebody_alone_is_not_in_it(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            Timeline(self.newbie).save(NoteAction(actor=self.thoas, text="for your eyes only"))

        assert "for your eyes only" not in self.get("/latest/")

    def test_what_is_deleted_is_gone(self) -> None:
        (action,) = Timeline(self.thoas).get_public(action="join")

        Timeline(self.thoas).delete(action)

        assert "joined" not in self.get("/latest/")
